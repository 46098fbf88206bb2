# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.rescue import (
    Situation,
    is_due,
    plan,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


def export(number, state, place=None, **more):
    jobs = [{"jid": f"j{number}", "place": place, "queue": "pull", "ahead": 0, "process": None}] if place else []
    one = {
        "backup_id": number,
        "state": state,
        "certain": True,
        "duplicate_of": None,
        "jid": f"j{number}" if jobs else None,
    }
    one.update(
        queue="pull" if jobs else None,
        process=None,
        elapsed=None,
        attempts=0,
        error_class=None,
        surplus_jids=[],
        jobs=jobs,
        ahead=0 if jobs else None,
        media_bytes=None,
    )
    return {**one, **more}


def rescue_of(*exports, needless=(), stuck_after="6h", retries="run", serving=("pull",), **around):
    found = {"exports": exports, "needless_jobs": needless}
    return plan(found, stuck_after, retries, Situation(serving, **around))


MIB = 1024 * 1024


def storage(build=100 * MIB, keep=100 * MIB, same_disk=False, problems=(), inodes=1000):
    return {
        "build": {"path": "/tmp", "free_bytes": build, "free_inodes": inodes},
        "keep": {"path": "/srv", "free_bytes": keep, "free_inodes": None},
        "same_disk": same_disk,
        "problems": [
            {"id": one, "message": f"It is {one}.", "remedy": "Mend it.", "severity": "critical"} for one in problems
        ],
    }


def test_an_orphan_gets_its_job_back_and_is_watched():
    rescue = rescue_of(export(1, "orphaned"))
    assert (rescue.enqueue, rescue.watch, rescue.helpless) == ([1], [1], [])


def test_an_orphan_whose_job_may_still_run_is_left_alone():
    rescue = rescue_of(export(1, "orphaned", certain=False))
    assert (rescue.enqueue, rescue.watch) == ([], [])
    assert "a process that says nothing" in rescue.helpless[0]["reason"]


def test_a_row_that_mastodon_will_delete_is_left_alone_but_for_its_surplus_jobs():
    rescue = rescue_of(export(1, "duplicated", "queues", duplicate_of=2, surplus_jids=["j9"]))
    assert (rescue.surplus, rescue.enqueue, rescue.watch) == (["j9"], [], [])
    assert rescue.helpless[0]["backup_id"] == 1


@pytest.mark.parametrize(
    ("retries", "run", "surplus", "watched"),
    [("run", ["j1"], [], [1]), ("keep", [], [], [1]), ("remove", [], ["j1"], [])],
)
def test_what_becomes_of_a_job_that_failed(retries, run, surplus, watched):
    rescue = rescue_of(export(1, "retrying", "retry", attempts=3, error_class="Errno::ENOSPC"), retries=retries)
    assert (rescue.retry, rescue.surplus, rescue.watch) == (run, surplus, watched)
    assert ("Errno::ENOSPC" in str(rescue.helpless)) == (retries == "remove")


@pytest.mark.parametrize(("elapsed", "stuck"), [(3 * 3600, False), (7 * 3600, True), (None, False)])
def test_what_runs_for_too_long_is_stuck(elapsed, stuck):
    rescue = rescue_of(export(1, "running", "running", elapsed=elapsed, process="here:1:a"))
    assert [one["identity"] for one in rescue.stuck] == (["here:1:a"] if stuck else [])
    assert rescue.watch == [1]


def test_what_nobody_serves_cannot_be_helped():
    rescue = rescue_of(export(1, "waiting", "queues"), export(2, "running", "running", elapsed=1.0), serving=("push",))
    assert (rescue.watch, rescue.helpless) == ([2], [{"backup_id": 1, "reason": "no process serves the queue pull"}])


def test_needless_jobs_go_but_none_that_runs():
    needless = [{"jid": name, "place": place} for name, place in (("a", "queues"), ("b", "running"), (None, "retry"))]
    assert rescue_of(needless=needless).surplus == ["a"]


def test_whether_there_is_anything_to_do():
    assert not is_due(rescue_of())
    assert not is_due(rescue_of(export(1, "waiting", "queues")))
    assert is_due(rescue_of(export(1, "orphaned")))


def test_a_limit_that_is_none():
    with pytest.raises(BadOption, match="export_rescue_stuck_after"):
        rescue_of(stuck_after="soon")


@pytest.mark.parametrize(
    ("room", "fits", "said"),
    [
        (storage(build=14 * MIB, keep=11 * MIB), True, ""),
        (storage(build=12 * MIB), False, "about 13 MiB in /tmp, where 12 MiB are left"),
        (storage(keep=9 * MIB), False, "about 10 MiB in /srv, where 9 MiB are left"),
        (storage(build=24 * MIB, keep=24 * MIB, same_disk=True), True, ""),
        (storage(build=22 * MIB, keep=22 * MIB, same_disk=True), False, "about 23 MiB in /tmp"),
        (storage(build=None, keep=None), True, ""),
        (storage(inodes=0), False, "where 0 B are left"),
        (storage(problems=["build_space"]), True, ""),
        (storage(problems=["keep_read_only"]), False, "It is keep_read_only. Mend it."),
        (None, True, ""),
    ],
)
def test_what_does_not_fit_is_not_started(room, fits, said):
    rescue = rescue_of(
        export(1, "orphaned", media_bytes=10 * MIB),
        export(2, "running", "running", elapsed=1.0, media_bytes=10 * MIB),
        storage=room,
    )
    assert (rescue.enqueue, rescue.no_room, rescue.watch) == (([1], [], [1, 2]) if fits else ([], [1], [2]))
    assert said in str(rescue.helpless)


def test_a_retry_that_does_not_fit_stays_where_it_is():
    rescue = rescue_of(export(1, "retrying", "retry", media_bytes=10 * MIB), storage=storage(build=0))
    assert (rescue.retry, rescue.no_room, is_due(rescue)) == ([], [1], False)
    assert "deletes its row after five retries" in rescue.helpless[0]["reason"]


def test_a_full_disk_takes_not_even_one_whose_size_is_not_known():
    assert rescue_of(export(1, "orphaned"), storage=storage(build=0)).no_room == [1]


def test_those_that_are_built_at_once_fit_together():
    """What waits in a queue already comes first, as nobody asks us."""
    waiting = export(9, "waiting", "queues", media_bytes=10 * MIB)
    orphans = [export(number, "orphaned", media_bytes=10 * MIB) for number in (1, 2, 3)]
    rescue = rescue_of(*orphans, waiting, storage=storage(build=40 * MIB))
    assert (rescue.enqueue, rescue.no_room, rescue.watch) == ([1, 2], [3], [1, 2, 9])


@pytest.mark.parametrize(
    ("one", "serving", "queues", "ahead"),
    [
        (export(1, "waiting", "queues", ahead=999), ("pull",), [], 999),
        (export(1, "waiting", "queues", ahead=1000), ("pull",), ["pull"], 1000),
        (export(1, "orphaned"), ("pull",), ["pull"], 5000),
        (export(1, "retrying", "retry"), ("pull",), ["pull"], 5000),
        (export(1, "waiting", "queues", ahead=0), (), ["pull"], 0),
        (export(1, "running", "running", elapsed=1.0), (), [], 0),
    ],
)
def test_when_a_worker_of_their_own_is_wanted(one, serving, queues, ahead):
    rescue = rescue_of(one, serving=serving, sizes={"pull": 5000})
    assert (rescue.worker_queues, rescue.ahead) == (queues, ahead)


def test_what_is_kept_waiting_needs_no_worker_for_what_is_in_its_queue():
    rescue = rescue_of(export(1, "retrying", "retry"), retries="keep", sizes={"pull": 5000})
    assert (rescue.worker_queues, rescue.watch) == ([], [1])
