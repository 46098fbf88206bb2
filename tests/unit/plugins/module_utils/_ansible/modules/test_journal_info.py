# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the journal leaves the host: bounded lines without the arguments of jobs."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import journal_info
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_host import Files, Host
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

LINE = '2026-11-22T07:05:01+0000 web1 bundle[1]: gone.example {"class":"MoveWorker","args":["s3cret"]} \x1b[31m\n'


@pytest.fixture
def read(monkeypatch):
    """Reads a journal that has the same line for every question; the commands that were run are in `asked`."""
    monkeypatch.setattr(journal_info.shutil, "which", lambda _name: "/bin/journalctl")

    def run(**options):
        values = {name: option["default"] for name, option in journal_info.OPTIONS.items()}
        return journal_info.journal_info(Host({**values, **options}, True, run.command, Files(None)))

    run.asked = []
    run.command = lambda command: run.asked.append(command) or (0, LINE, "")
    return run


def test_arguments_and_control_characters_stay_on_the_host(read):
    found = read(mentions=["gone.example"])
    [kill], [mention] = found["kills"], found["mentions"]["gone.example"]
    for line in (kill, mention):
        assert "gone.example" in line and "(arguments hidden)" in line
        assert "s3cret" not in line and "\x1b" not in line


def test_without_units_nobody_elses_log_is_searched(read):
    assert read(mentions=["gone.example"], units=[], kills=False)["mentions"] == {}
    assert read.asked == []


def test_without_a_journal_nothing_is_read(read, monkeypatch):
    monkeypatch.setattr(journal_info.shutil, "which", lambda _name: None)
    found = read(mentions=["gone.example"])
    assert (found["available"], found["kills"], found["mentions"], read.asked) == (False, [], {}, [])


def test_no_lines_are_none_to_ask_for(read):
    with pytest.raises(BadOption, match="lines"):
        read(lines=0)
