# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.export_rescue import is_due, plan
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
    )
    return {**one, **more}


def rescue_of(*exports, needless=(), stuck_after="6h", retries="run", serving=("pull",)):
    return plan({"exports": exports, "needless_jobs": needless}, stuck_after, retries, serving)


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
