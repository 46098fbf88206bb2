# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates, estimates, the line and the bar; and what is certain only after one more heartbeat."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.wait_progress import (
    Judge,
    Progress,
    too_late,
)


def shown(left, name="size of queue push", met=None, by_heartbeat=False):
    met = left == 0 if met is None else met
    found = {"name": name, "wanted": "at most 0", "observed": left, "left": left, "met": met}
    return {**found, "by_heartbeat": by_heartbeat}


def after(*lefts, step=10.0):
    progress = Progress()
    for number, left in enumerate(lefts):
        progress.add(number * step, [shown(left)])
    return progress


def test_rate_and_estimate():
    progress = after(100.0, 60.0)
    assert progress.rate("size of queue push") == 4.0
    assert progress.estimate() == 15.0
    assert progress.share() == pytest.approx(0.4)
    assert progress.line(10) == "size of queue push: 60.0, wanted at most 0, 4/s done; 10 s waited; about 15 s to go"
    assert progress.drawn(10, 40) == "[########............] size of queue push"[:40]


def test_what_grows_has_no_end():
    progress = after(10.0, 30.0)
    assert progress.estimate() is None
    assert progress.line(10) == "size of queue push: 30.0, wanted at most 0, 2/s more; 10 s waited"
    assert progress.share() == 0.0


def test_the_first_look_promises_nothing():
    progress = after(10.0)
    assert progress.estimate() is None
    assert "/s" not in progress.line(0)


def test_the_rate_is_that_of_the_last_minute():
    progress = after(*[1000.0] * 20, *[1000.0 - 5 * n for n in range(1, 14)], step=5.0)
    assert progress.rate("size of queue push") == pytest.approx(1.0)


def test_the_slowest_decides():
    progress = Progress()
    for at, (push, busy) in enumerate([(100.0, 4.0), (50.0, 3.0)]):
        progress.add(at, [shown(push), shown(busy, "running jobs"), shown(None, "job x", met=False)])
    assert progress.estimate() is None, "nobody knows how long a job takes"
    progress.add(2, [shown(0.0), shown(2.0, "running jobs"), shown(None, "job x", met=True)])
    assert progress.estimate() == 2.0
    assert progress.share() == 0.5


def test_the_end():
    assert after(5.0, 0.0).line(130) == "all is as it should be, after 2 min"
    assert after(5.0, 0.0).share() == 1.0
    assert "Not all conditions were met in time: size of queue push: 5.0" in too_late(after(5.0), 60)


def test_what_heartbeats_tell_must_hold_until_all_have_beaten_again():
    judge = Judge()
    looks = [shown(0.0, by_heartbeat=True), shown(0.0, "other")]

    def met(began, beats, seen=None):
        return [one["met"] for one in judge.judge(seen or looks, beats, began, began + 2.0)]

    assert met(0.0, {"a": 1.0, "b": 2.0}) == [False, True]
    assert met(2.5, {"a": 11.0, "b": 12.0}) == [False, True], "they may have collected their jobs before the look"
    assert met(5.0, {"a": 11.0, "b": 12.0}) == [False, True], "with these the next ones are compared"
    assert met(10.0, {"a": 21.0, "b": 12.0}) == [False, True]
    assert met(15.0, {"a": 21.0, "b": 22.0, "new": 1.0}) == [True, True]
    assert met(20.0, {"a": 21.0}, [shown(1.0, by_heartbeat=True), looks[1]])[0] is False
    assert met(25.0, {"a": 31.0}) == [False, True], "it began anew"
    assert met(30.0, {}) == [True, True], "who has ended runs nothing"


def test_what_is_not_certain_yet_is_said_to_be_so():
    progress = Progress()
    progress.add(0, [{**shown(0.0, "job x", met=False), "observed": "finished", "wanted": "finished"}])
    assert progress.line(0) == "job x: finished, which is certain when each process has beaten once more; 0 s waited"
