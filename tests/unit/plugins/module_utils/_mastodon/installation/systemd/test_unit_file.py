# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit files as systemd reads them."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.unit_file import (
    Part,
    Unit,
    parse_cat,
)

from ...workers.hosts import PATH, STOCK


def unit(*texts):
    return Unit(
        "a.service", tuple(Part(f"/etc/systemd/system/a.service.d/{n}.conf", text) for n, text in enumerate(texts))
    )


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["[Service]\nExecStart=/a\n"], ["/a"]),
        (["[Service]\nExecStart=/a\n", "[Service]\nExecStart=\nExecStart=/b\n"], ["/b"]),
        (["[Unit]\nExecStart=/no\n[Service]\n# ExecStart=/c\n ExecStart = /d \n"], ["/d"]),
        (["[Service]\nExecStart=/a \\\n# a comment\n  -c 5\n"], ["/a -c 5"]),
    ],
)
def test_values(texts, values):
    assert unit(*texts).values("ExecStart") == values


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("TimeoutSec=15", 15),
        ("TimeoutSec=15\nTimeoutStopSec=40", 40),
        ("TimeoutStopSec=40\nTimeoutSec=15", 15),
        ("TimeoutStartSec=5", 90),
        ("TimeoutStopSec=infinity", float("inf")),
    ],
)
def test_stop_timeout(text, stop):
    assert unit(f"[Service]\n{text}\n").stop_timeout() == stop


def test_environment():
    assert unit('[Service]\nEnvironment="A=1 2" B=3\n', "[Service]\nEnvironment=B=4\n").environment() == {
        "A": "1 2",
        "B": "4",
    }


def test_cat_of_several():
    output = (
        f"# {PATH}\n{STOCK}\n# {PATH}.d/override.conf\n[Service]\nEnvironment=A=1\n\n"
        "# /etc/systemd/system/mastodon-sidekiq-pull.service\n# /home/mastodon/notes.conf is a comment\n[Service]\n"
        f"# {PATH}\nExecStart=/usr/bin/sidekiq\n"
    )
    units = parse_cat(output, ["mastodon-sidekiq.service", "mastodon-sidekiq-pull.service"])
    assert [part.path for part in units["mastodon-sidekiq.service"].parts] == [PATH, f"{PATH}.d/override.conf"]
    assert units["mastodon-sidekiq.service"].environment()["A"] == "1"
    [part] = units["mastodon-sidekiq-pull.service"].parts
    assert part.text.count("comment") == 1 and f"# {PATH}\n" in part.text


def test_cat_of_a_unit_that_is_linked_from_the_checkout():
    units = parse_cat(f"# /home/mastodon/live/dist/mastodon-sidekiq.service\n{STOCK}", ["mastodon-sidekiq.service"])
    assert units["mastodon-sidekiq.service"].last("User") == "mastodon"


def test_instances_of_a_template():
    cat = "# /etc/systemd/system/mastodon-sidekiq@.service\n[Service]\nExecStart=sidekiq\n\n"
    assert list(parse_cat(cat, ["mastodon-sidekiq@1.service"])) == ["mastodon-sidekiq@1.service"]
