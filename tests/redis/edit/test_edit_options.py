# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that make no sense are refused, those that are doubtful bring a warning, and check mode says the same."""

from __future__ import annotations

import json
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job, sidekiq_lock
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys

JOB = json.dumps({"class": "A", "args": [], "queue": "push", "jid": "a" * 24, "created_at": 1.5})


@pytest.fixture
def edit(scratch_redis, tmp_path):
    """What the run did, which is what check mode has predicted."""
    scratch_redis.zadd("retry", {JOB: 1.5})

    def run(**options):
        results = []
        for check_mode in (True, False):
            values = {name: option.get("default") for name, option in sidekiq_job.JOB_OPTIONS.items()}
            values.update({"archive_dir": str(tmp_path), "all": True, **options})
            results.append(sidekiq_job.edit_jobs(Session(scratch_redis, Keys(""), values, check_mode, "test")))
        predicted, done = results
        told = {**done, "archive": None, "duration": predicted["duration"]}
        assert told == predicted
        return done

    return run


@pytest.mark.parametrize("state", ["absent", "enqueued", "dead", "moved", "rescheduled", "unique"])
@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"sets": ["retry"]}, "sets only says where to look"),
        ({"queues": ["push"]}, "queues only says where to look"),
        ({"sets": ["queues", "retry"], "queues": ["push"]}, "sets and queues only say where to look"),
        ({}, "No condition is given"),
        ({"sets": ["retry"], "min_attempts": 0}, "sets only says where to look"),
        ({"sets": ["retry"], "malformed": False}, "sets only says where to look"),
        ({"sets": ["retry"], "older_than": "0s"}, "sets only says where to look"),
        ({"sets": ["retry"], "args": [None]}, "sets only says where to look"),
    ],
    ids=str,
)
def test_where_to_look_is_no_selection(where, says, state, edit, scratch_redis):
    scratch_redis.lpush("queue:push", JOB)
    needed = {"moved": {"to_queue": "slow"}, "rescheduled": {"in": "2h"}}.get(state, {})
    with pytest.raises(BadOption, match=f"{says}, so this would edit every job there.* all: true") as refusal:
        edit(state=state, all=False, **where, **needed)
    assert str(refusal.value).count(". ") == 1  # what failed, and what to do
    assert (scratch_redis.zcard("retry"), scratch_redis.llen("queue:push")) == (1, 1)


def test_where_to_look_is_enough_to_count(edit, scratch_redis):
    scratch_redis.zadd("retry", {JOB: 1.5})
    assert info(scratch_redis, sets=["retry"])["total"] == 1


def info(client, **options):
    values = {name: option.get("default") for name, option in sidekiq_job.INFO_OPTIONS.items()}
    return sidekiq_job.job_info(Session(client, Keys(""), {**values, **options}, False, "test"))


@pytest.mark.parametrize(
    "at", ["inf", "-inf", "nan", "1e400", "2026", "20261127", "1795331156428", "-1", "0", "soon", ""]
)
def test_what_is_no_moment_is_refused(at, edit, scratch_redis):
    with pytest.raises(BadOption, match=f"at: '{at}' is no time between .* or in epoch seconds"):
        edit(state="rescheduled", at=at)
    assert scratch_redis.zscore("retry", JOB) == 1.5


@pytest.mark.parametrize(
    ("at", "score"),
    [
        ("2040-01-01", 2208988800.0),
        ("2040-01-01T01:00:00+01:00", 2208988800.0),
        ("2040-01-01T00:00:00Z", 2208988800.0),
        ("2208988800.5", 2208988800.5),
    ],
)
def test_moments(at, score, edit, scratch_redis):
    assert edit(state="rescheduled", at=at)["warnings"] == []
    assert scratch_redis.zscore("retry", JOB) == score


def test_a_moment_that_is_past_brings_a_warning(edit, scratch_redis):
    at = str(int(time.time()) - 3600)
    assert edit(state="rescheduled", at=at)["warnings"] == [f"at: {at} is past; these jobs run as soon as they can."]
    assert scratch_redis.zscore("retry", JOB) == int(at)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"limit": -2}, "limit must be at least 0, not -2"),
        ({"max_jobs": -1}, "max_jobs must be at least 0, not -1"),
    ],
)
def test_numbers_of_jobs_that_make_no_sense(options, says, edit):
    with pytest.raises(BadOption, match=says):
        edit(state="absent", **options)


def test_numbers_that_make_no_sense_elsewhere(scratch_redis):
    with pytest.raises(BadOption, match="limit must be at least 0, not -1"):
        info(scratch_redis, all=True, limit=-1)
    assert info(scratch_redis, all=True, limit=0)["jobs"] == []
    options = {name: option.get("default") for name, option in sidekiq_lock.LOCK_OPTIONS.items()}
    with pytest.raises(BadOption, match="max_locks must be at least 0, not -1"):
        sidekiq_lock.free_locks(Session(scratch_redis, Keys(""), {**options, "max_locks": -1}, False, "test"))


@pytest.mark.parametrize("sets", [None, ["queues"], ["retry"]], ids=str)
def test_a_queue_that_is_nowhere_brings_a_warning(sets, edit, scratch_redis):
    scratch_redis.sadd("queues", "emptied")
    scratch_redis.lpush("queue:unregistered", JOB)
    warning = "queues: there is no queue pusch: it is not registered, no process serves it, and it holds no job. Check its name."
    queues = ["pusch", "push", "mailers", "emptied", "unregistered", "export"]
    for result in (info(scratch_redis, sets=sets, queues=queues), edit(state="absent", sets=sets, queues=queues)):
        assert [one for one in result["warnings"] if "export" not in one] == [warning]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("state", ["absent", "dead", "moved"])
def test_jobs_in_a_queue_whose_name_is_no_text_stay(state, force, edit, scratch_redis):
    scratch_redis.sadd("queues", b"\xff\xfe")
    scratch_redis.lpush(b"queue:\xff\xfe", JOB, JOB)
    done = edit(state=state, force=force, sets=["queues"], to_queue="slow" if state == "moved" else None)
    assert (done["matched"], done["edited"], done["gone"], done["remaining"]) == (2, 0, 0, 2)
    assert done["kept"] == {"queue_name": 2}
    assert scratch_redis.llen(b"queue:\xff\xfe") == 2


@pytest.mark.parametrize("force", [False, True])
def test_an_empty_list_of_digests_means_no_lock(force, scratch_redis):
    scratch_redis.hset("uniquejobs:a:LOCKED", "a" * 24, "1.5")
    scratch_redis.zadd("uniquejobs:digests", {"uniquejobs:a": 1.5})
    options = {name: option.get("default") for name, option in sidekiq_lock.LOCK_OPTIONS.items()}
    done = sidekiq_lock.free_locks(
        Session(scratch_redis, Keys(""), {**options, "digests": [], "force": force}, False, "test")
    )
    assert (done["total"], done["matched"], done["changed"]) == (1, 0, False)
