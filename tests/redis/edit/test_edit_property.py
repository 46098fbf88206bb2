# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode's answer is the run's, key for key, whatever is in Redis: identical members everywhere, locks of others, odd bytes.

And no run loses a job: what leaves its place is in the archive, and a job whose unique lock another one holds stays.
"""

from __future__ import annotations

import functools
import json
import pathlib
import tempfile
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.tests.redis.edit.test_edit_check import contents
from ansible_collections.fediverse.mastodon.tests.redis.edit.test_edit_oracle import NOW, SETS, job, read, told, write
from ansible_collections.fediverse.mastodon.tests.redis.intents import edit, restore

REAL_REDIS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DIGESTS = ["uniquejobs:1", "uniquejobs:2"]


def with_lock(number, name, digest, **fields):
    return job(number, name, **{"lock": "until_executed", "lock_digest": digest, **fields})


FEW = [
    job(1, "A"),
    job(1, "A", queue="b"),
    job(2, "B", bid="batch"),
    job(3, "A", retry_count=1),
    job(3, "A", retry_count=0),
    with_lock(4, "A", DIGESTS[0]),
    with_lock(4, "A", DIGESTS[0], retry_count=2),
    with_lock(5, "A", DIGESTS[0], retry_count=1),
    with_lock(6, "B", DIGESTS[1], lock="while_executing"),
    with_lock(7, "B", DIGESTS[1], lock_limit=2),
    with_lock(8, "A", "uniquejobs:3", lock="until_and_while_executing"),
    job(9, "A", args=[1]),
    b"garbage",
    b"",
    b'{"class":7,"queue":"a"}',
]
"""So few members that most of a database's stand in more than one place, some more than once in a list."""
SCORES = st.sampled_from([1.0, NOW - 5, NOW, NOW + 30, NOW + 900])
JIDS = [f"{number:024x}" for number in range(4, 10)]

databases = st.fixed_dictionaries(
    {
        "queues": st.fixed_dictionaries({name: st.lists(st.sampled_from(FEW), max_size=8) for name in "ab"}),
        "sets": st.fixed_dictionaries(
            {name: st.dictionaries(st.sampled_from(FEW), SCORES, max_size=8) for name in SETS}
        ),
    }
)
held = st.dictionaries(
    st.sampled_from([*DIGESTS, f"{DIGESTS[1]}:RUN", "uniquejobs:3", "uniquejobs:3:RUN"]),
    st.sets(st.sampled_from([*JIDS, "other"]), min_size=1, max_size=2),
    max_size=3,
)
edits = st.sampled_from(
    [
        {"state": "absent"},
        {"state": "unique"},
        {"state": "dead"},
        {"state": "enqueued"},
        {"state": "enqueued", "spread": "10m"},
        {"state": "moved", "to_queue": "b"},
        {"state": "rescheduled", "at": repr(NOW + 900)},
        {"state": "rescheduled", "in": "0s"},
        {"state": "rescheduled", "in": "15m", "spread": "1h"},
    ]
)
selections = st.sampled_from(
    [{"all": True}, {"classes": ["A"]}, {"all": True, "sets": ["retry", "dead"]}, {"all": True, "sets": ["queues"]}]
)
more = st.sampled_from([{}, {}, {}, {"limit": 2}, {"force": True}])


def hold(client, locks):
    for digest, jids in locks.items():
        client.zadd("uniquejobs:digests", {digest: NOW - 60})
        client.hset(f"{digest}:LOCKED", mapping=dict.fromkeys(jids, repr(NOW - 60)))


def let_poll(client):
    info = {"hostname": "w", "pid": 7, "tag": "", "queues": ["a"], "identity": "w:7:abc", "version": "7.3.2"}
    client.sadd("processes", "w:7:abc")
    client.hset("w:7:abc", mapping={"info": json.dumps(info), "busy": 0, "beat": repr(NOW - 1), "quiet": "false"})


def number_of_jobs(database):
    queued = sum(map(len, database["queues"].values()))
    return queued + sum(map(len, database["sets"].values()))


@REAL_REDIS
@given(databases, held, st.booleans(), edits, selections, more)
def test_check_mode_gives_the_answer_of_the_run(scratch_redis, database, locks, polled, what, which, how):
    write(scratch_redis, database)
    hold(scratch_redis, locks)
    if polled:
        let_poll(scratch_redis)
    options, before = {**what, **which, **how}, contents(scratch_redis)
    with tempfile.TemporaryDirectory() as directory:
        run = functools.partial(edit, scratch_redis, pathlib.Path(directory), NOW, options)
        foreseen = run(check_mode=True)
        assert contents(scratch_redis) == before
        done = run()
        assert foreseen.keys() == done.keys()
        assert told(foreseen) == told(done)
        assert done["matched"] == done["edited"] + done["unchanged"] + done["remaining"]
        if "limit" not in how:
            assert done["remaining"] == sum(done["kept"].values())
        gone = done["edited"] if what["state"] in ("absent", "unique") else 0
        assert number_of_jobs(read(scratch_redis)) == number_of_jobs(database) - gone
        if done["archive"]:
            restore(scratch_redis, done["archive"], NOW)
        assert sorted_sets(read(scratch_redis)) == sorted_sets(database)


def sorted_sets(database):
    """Sets exactly; of queues the jobs, as theirs are pushed behind identical ones."""
    return database["sets"], {name: Counter(members) for name, members in database["queues"].items()}


# --- locks --------------------------------------------------------------------------------------------------------------------


def enqueue(client, directory, **options):
    """What check mode and the run say, which is the same."""
    results = [
        edit(client, directory, NOW, {"state": "enqueued", "all": True, **options}, check_mode=check_mode)
        for check_mode in (True, False)
    ]
    assert told(results[0]) == told(results[1])
    return results[1]


@pytest.mark.parametrize("polled", [True, False])
@pytest.mark.parametrize("place", ["retry", "schedule", "dead"])
@pytest.mark.parametrize("spread", [{}, {"spread": "10m"}])
def test_a_job_whose_lock_another_holds_stays_where_it_is(scratch_redis, tmp_path, spread, place, polled):
    scratch_redis.zadd(place, {with_lock(4, "A", DIGESTS[0]): NOW + 900})
    hold(scratch_redis, {DIGESTS[0]: {"other"}})
    if polled:
        let_poll(scratch_redis)
    before = contents(scratch_redis)
    done = enqueue(scratch_redis, tmp_path, **spread)
    assert (done["changed"], done["edited"], done["kept"], done["remaining"]) == (False, 0, {"locked": 1}, 1)
    assert contents(scratch_redis) == before
    assert enqueue(scratch_redis, tmp_path, force=True, **spread)["edited"] == 1


@pytest.mark.parametrize(
    ("jobs", "locks", "edited"),
    [
        ([with_lock(4, "A", DIGESTS[0])], {DIGESTS[0]: {JIDS[0]}}, 1),
        ([with_lock(4, "A", DIGESTS[0])], {DIGESTS[0]: {JIDS[0], "other"}}, 1),
        ([with_lock(4, "A", DIGESTS[0])], {}, 1),
        ([with_lock(4, "A", DIGESTS[0])], {DIGESTS[1]: {"other"}}, 1),
        ([with_lock(4, "A", DIGESTS[0], lock_limit=2)], {DIGESTS[0]: {"other"}}, 1),
        ([with_lock(4, "A", DIGESTS[0], lock_limit=2)], {DIGESTS[0]: {"other", "more"}}, 0),
        ([with_lock(4, "A", DIGESTS[0]), with_lock(5, "A", DIGESTS[0])], {}, 1),
        ([with_lock(4, "A", DIGESTS[0]), with_lock(5, "A", DIGESTS[0])], {DIGESTS[0]: {JIDS[1]}}, 1),
        ([with_lock(4, "A", DIGESTS[0]), with_lock(5, "A", DIGESTS[0], lock_limit=2)], {}, 2),
        ([with_lock(4, "A", f"{DIGESTS[0]}:RUN", lock="while_executing")], {DIGESTS[0]: {"other"}}, 1),
        ([with_lock(4, "A", f"{DIGESTS[0]}:RUN", lock="while_executing")], {f"{DIGESTS[0]}:RUN": {"other"}}, 0),
        ([with_lock(4, "A", DIGESTS[0])], {f"{DIGESTS[0]}:RUN": {"other"}}, 1),
        ([with_lock(4, "A", DIGESTS[0], lock="until_and_while_executing")], {f"{DIGESTS[0]}:RUN": {"other"}}, 0),
    ],
    ids=range(13),
)
def test_who_may_have_the_lock(scratch_redis, tmp_path, jobs, locks, edited):
    scratch_redis.zadd("retry", dict.fromkeys(jobs, NOW + 900))
    hold(scratch_redis, locks)
    let_poll(scratch_redis)
    done = enqueue(scratch_redis, tmp_path)
    assert (done["edited"], done["kept"]) == (edited, {"locked": len(jobs) - edited} if edited < len(jobs) else {})
    again = enqueue(scratch_redis, tmp_path)
    assert (again["changed"], again["unchanged"]) == (False, edited)


@pytest.mark.parametrize(("option", "edited"), [({"in": "0s"}, 0), ({"at": repr(NOW - 60)}, 0), ({"in": "2h"}, 1)])
def test_a_time_that_has_come_asks_for_the_lock_as_well(scratch_redis, tmp_path, option, edited):
    scratch_redis.zadd("retry", {with_lock(4, "A", DIGESTS[0]): NOW + 900})
    hold(scratch_redis, {DIGESTS[0]: {"other"}})
    done = enqueue(scratch_redis, tmp_path, state="rescheduled", **option)
    assert (done["edited"], done["kept"]) == (edited, {} if edited else {"locked": 1})


# --- the same bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"retry": 1, "dead": 1}, {"already_there": 1}),
        ({"retry": 1, "schedule": 1}, {"already_there": 1}),
        ({"queue:a": 2}, {"already_there": 1}),
        ({"queue:a": 2, "queue:b": 1, "retry": 1, "dead": 1}, {"already_there": 4}),
    ],
    ids=str,
)
def test_a_set_holds_each_member_once(scratch_redis, tmp_path, where, kept):
    raw = job(1, "A")
    for key, count in where.items():
        if key.startswith("queue:"):
            scratch_redis.sadd("queues", key[6:])
            scratch_redis.lpush(key, *[raw] * count)
        else:
            scratch_redis.zadd(key, {raw: NOW})
    done = enqueue(scratch_redis, tmp_path, state="dead")
    assert done["kept"] == kept
    assert done["matched"] == done["edited"] + done["unchanged"] + done["remaining"] == sum(where.values())
