# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.restart import Unit, judge, read_units

SHOWN = """Id=mastodon-sidekiq.service
MainPID=4711
ActiveState=active
NeedDaemonReload=no
Restart=always

Id=mastodon-sidekiq-pull.service
MainPID=0
ActiveState=inactive
NeedDaemonReload=yes
Restart=on-failure
"""
STOCK = Unit("mastodon-sidekiq.service", 4711, True, False, True)
PROCESS = {
    "identity": "here:4711:abc",
    "hostname": "here",
    "pid": 4711,
    "quiet": False,
    "alive": True,
    "busy": 3,
    "started_epoch": 1000.0,
}


def test_units_as_systemd_shows_them():
    pull = Unit("mastodon-sidekiq-pull.service", 0, False, True, False)
    assert read_units(SHOWN) == [pull, STOCK]
    assert read_units("") == read_units("\n") == []


@pytest.mark.parametrize(
    ("unit", "process", "files", "forced", "why"),
    [
        ({}, {}, [], False, ()),
        ({}, {}, [], True, ("asked for",)),
        ({"stale": True}, {}, [], False, ("its unit was changed and systemd has not read it yet",)),
        ({}, {"quiet": True}, [], False, ("it is quiet and fetches no jobs",)),
        ({}, {"alive": False}, [], False, ("it does not beat any more",)),
        ({}, {}, [("/env", 999.0), ("/yml", 1001.0)], False, ()),
        ({}, {}, [("/env", 1003.0), ("/yml", 1.0)], False, ("/env is newer than it",)),
        ({}, {"hostname": "there"}, [], False, ("it never said in Redis that it runs",)),
        ({}, {"pid": 1}, [], False, ("it never said in Redis that it runs",)),
    ],
)
def test_why_a_process_is_restarted(unit, process, files, forced, why):
    [verdict] = judge(
        [Unit(**{**vars(STOCK), **unit})],
        [{**PROCESS, **process}],
        "here",
        [{"path": path, "mtime": mtime} for path, mtime in files],
        forced,
    )
    assert verdict.why == why


def test_what_does_not_run_is_left_alone():
    assert judge([Unit("a", 0, False, True, True), Unit("b", 0, True, True, True)], [], "here", [], True) == []


def test_what_a_verdict_says_of_the_process():
    [verdict] = judge([STOCK], [PROCESS], "here", [], False)
    assert (verdict.identity, verdict.busy) == ("here:4711:abc", 3)
