# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the rules say numbers and commands."""

from __future__ import annotations

from collections import Counter

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.view import (
    jobs,
    most,
    numbers,
    playbook,
    runbook,
    task,
)


@pytest.mark.parametrize(("count", "text"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (2345678, "2,345,678 jobs")])
def test_jobs(count, text):
    assert jobs(count) == text


def test_commands():
    assert task("sidekiq_lock", "state=absent") == (
        'ansible HOST -i INVENTORY -b -m fediverse.mastodon.sidekiq_lock -a "state=absent" --check --diff (then without --check)'
    )
    assert playbook("restart") == (
        "ansible-playbook -i INVENTORY -l HOST -b fediverse.mastodon.restart --check --diff (then without --check)"
    )
    assert runbook("export_rescue", "a=1", "b=2") == (
        "ansible-playbook -i INVENTORY -l HOST -b fediverse.mastodon.export_rescue -e a=1 -e b=2 --check --diff"
        " (then with export_rescue_reason and without --check)"
    )


def test_most():
    counter = Counter(a=1, b=20_000, c=3, d=2)
    assert most(counter) == "b 20,000, c 3, d 2"
    assert most(counter, 1) == "b 20,000"
    assert most(Counter()) == ""


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("8.1.7", (8, 1, 7)),
        ("7.0.0.beta1", (7, 0, 0)),
        ("10", (10,)),
        ("", ()),
        (None, ()),
        ("x", ()),
        ("\N{SUPERSCRIPT TWO}", ()),
        ("9" * 5000, ()),
        ("-8", ()),
    ],
)
def test_numbers(version, found):
    assert numbers(version) == found
