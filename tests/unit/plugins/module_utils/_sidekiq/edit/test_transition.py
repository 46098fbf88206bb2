# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of one job, for each state that a task can ask for."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit.transition import (
    Change,
    EditRequest,
    change,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.location import Place

NOW = 1795331156.0
PUSH, RETRY, SCHEDULED, DEAD = Place("queues", b"push"), Place("retry"), Place("scheduled"), Place("dead")
JOB = {"class": "A", "args": [], "jid": "1", "queue": "push", "retry_count": 2}


def job(**fields):
    return parse(json.dumps({**JOB, **fields}).encode())


def becomes(state, place, score=None, made=None, **asked):
    return change(EditRequest(state, NOW, **asked), made or job(), place, score)


@pytest.mark.parametrize("place", [PUSH, RETRY, SCHEDULED, DEAD])
@pytest.mark.parametrize("state", ["absent", "unique"])
def test_what_shall_be_absent_goes_nowhere(state, place):
    assert becomes(state, place, NOW) == Change("", b"")


def test_a_job_dies_once():
    assert becomes("dead", RETRY, NOW + 5) == Change("dead", job().raw, NOW)
    assert becomes("dead", DEAD, NOW - 5) is None


def test_a_job_moves_to_another_queue_and_stays_in_its_set():
    moved = becomes("moved", PUSH, to_queue="slow")
    assert (moved.to, json.loads(moved.new)["queue"], moved.new_score) == ("queue:slow", "slow", None)
    moved = becomes("moved", RETRY, NOW + 5, to_queue="slow")
    assert (moved.to, json.loads(moved.new)["queue"], moved.new_score) == ("retry", "slow", NOW + 5)
    assert becomes("moved", PUSH, to_queue="push") is None
    assert becomes("moved", DEAD, NOW, to_queue="push") is None


def test_a_job_that_waits_in_a_queue_is_enqueued_already():
    assert becomes("enqueued", PUSH) is None


@pytest.mark.parametrize(("place", "count"), [(RETRY, 1), (DEAD, 1), (SCHEDULED, 2)])
def test_a_retry_is_enqueued_with_one_try_less(place, count):
    found = becomes("enqueued", place, NOW + 50)
    assert found.to == "queue:push" and found.new_score is None
    assert json.loads(found.new)["retry_count"] == count


def test_a_job_with_a_unique_lock_goes_through_the_poller_that_runs():
    locked = job(lock_digest="uniquejobs:1")
    assert becomes("enqueued", RETRY, NOW + 50, locked, polled=True) == Change("retry", locked.raw, NOW)
    assert becomes("enqueued", RETRY, NOW - 1, locked, polled=True) is None
    assert becomes("enqueued", DEAD, NOW, locked, polled=True).to == "retry"
    assert becomes("enqueued", RETRY, NOW + 50, locked, polled=False).to == "queue:push"


def test_a_spread_is_kept_by_the_second_run():
    first = becomes("enqueued", RETRY, NOW + 5000, spread=600.0)
    assert NOW <= first.new_score <= NOW + 600
    assert becomes("enqueued", RETRY, first.new_score, spread=600.0) is None


def test_another_time():
    assert becomes("rescheduled", RETRY, NOW, at=NOW + 500) == Change("retry", job().raw, NOW + 500)
    assert becomes("rescheduled", RETRY, NOW + 500, at=NOW + 500) is None
    assert becomes("rescheduled", PUSH, at=NOW + 500) == Change("scheduled", job().raw, NOW + 500)
    assert becomes("rescheduled", DEAD, NOW, at=NOW + 500).to == "scheduled"


@pytest.mark.parametrize(("relative", "changed"), [(True, False), (False, True)])
def test_a_time_from_now_is_not_exact(relative, changed):
    found = becomes("rescheduled", RETRY, NOW + 530, at=NOW + 500, at_is_relative=relative)
    assert (found is not None) == changed
