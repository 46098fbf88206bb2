# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits and their undoing while nothing else runs, against a few lines of plain Python: every member, in its exact order.

Steps are made so small that each edit needs many of them.
"""

from __future__ import annotations

import copy
import json
import pathlib
import random
import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs import selected as selecting
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import rotation
from ansible_collections.fediverse.mastodon.tests.redis.intents import edit, restore

NOW = 1795331156.5
REAL_REDIS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SETS = {"retry": "retry", "scheduled": "schedule", "dead": "dead"}
ODD = [b"", b"\x00", b"garbage", b"\xff\xfe", b"[]", b"{}", b'{"class":7}', b"x" * 3000]


def job(number, name, **fields):
    """Its bytes are its own; `number` is its jid and all that Python need know of it."""
    known = {"retry": True, "queue": "a", "class": name, "args": [number], "jid": f"{number:024x}"}
    return json.dumps({**known, "created_at": 1795330000000 + number, **fields}, separators=(",", ":")).encode()


POOL = [job(number, name) for number, name in enumerate("ABAB")] + ODD
"""Members that stand in a list more than once."""


@st.composite
def databases(draw, odd=True):
    """Queues in the order in which they run, and sets; no member stands in two of them."""
    numbers = iter(range(100, 100_000))
    pool = list(draw(st.permutations(POOL))) if odd else []

    def member():
        return job(next(numbers), draw(st.sampled_from("AAB")))

    queues = {}
    for name in "ab":
        mine = [pool.pop() for _number in range(draw(st.integers(0, 4)))] if odd else []
        tokens = draw(st.lists(st.integers(0, 9), max_size=24))
        queues[name] = [mine[token] if token < len(mine) else member() for token in tokens]
    sets = {}
    for name in SETS:
        scores = draw(st.lists(st.sampled_from([1.0, 2.0, 3.5, NOW + 900]), max_size=9))
        mine = [pool.pop() for _number in range(draw(st.integers(0, 1)))] if odd else []
        sets[name] = {mine.pop() if mine else member(): score for score in scores}
    return {"queues": queues, "sets": sets}


def write(client, database):
    client.flushdb()
    for name, members in database["queues"].items():
        client.sadd("queues", name)
        if members:
            client.lpush(f"queue:{name}", *members)
    for name, members in database["sets"].items():
        if members:
            client.zadd(SETS[name], members)


def read(client):
    queues = {name: client.lrange(f"queue:{name}", 0, -1)[::-1] for name in "ab"}
    sets = {name: dict(client.zrange(key, 0, -1, withscores=True)) for name, key in SETS.items()}
    return {"queues": queues, "sets": sets}


def leftovers(client):
    """Keys of ours but the bitmaps of archives."""
    bitmaps = tuple(f"fediverse.mastodon:{name}:".encode() for name in ("taken", "restored", "lifted"))
    return [key for key in client.keys("fediverse*") if not key.startswith(bitmaps)]


def meant(raw, names):
    try:
        return json.loads(raw).get("class") in names
    except (ValueError, AttributeError):
        return names == ["malformed"]


def places(database):
    yield from (("queues", name, members) for name, members in database["queues"].items())
    for name, members in database["sets"].items():
        ordered = sorted(members, key=lambda raw: (members[raw], raw))
        yield "sets", name, ordered


def expected(database, state, names):
    """The database after the edit; and how many jobs were matched and edited."""
    after = copy.deepcopy(database)
    matched = edited = 0
    for kind, name, members in places(database):
        for raw in members:
            if not meant(raw, names):
                continue
            matched += 1
            if moved(after, state, kind, name, raw):
                edited += 1
    return after, matched, edited


def moved(after, state, kind, name, raw):
    queues, sets = after["queues"], after["sets"]

    def leave():
        if kind == "queues":
            queues[name].remove(raw)  # the first of identical ones
        else:
            del sets[name][raw]

    def into(target, member, score):
        if member in sets[target]:  # a set holds each member once
            return False
        sets[target][member] = score
        leave()
        return True

    if state == "absent":
        leave()
        return True
    if state == "dead":
        return name != "dead" and into("dead", raw, NOW)
    if state == "rescheduled":
        if name in ("retry", "scheduled"):
            changes = sets[name][raw] != NOW + 900
            sets[name][raw] = NOW + 900
            return changes
        return into("scheduled", raw, NOW + 900)
    if names_nothing(raw):  # malformed members cannot be enqueued or moved
        return False
    if state == "moved":
        fresh = raw.replace(b'"queue":"a"', b'"queue":"b"')
        if name == "b" or (kind == "sets" and fresh == raw):
            return False
        if kind == "sets":
            score = sets[name][raw]
            if fresh in sets[name]:
                return False
            leave()
            sets[name][fresh] = score
        else:
            leave()
            queues["b"].append(fresh)
        return True
    if kind == "queues":
        return False
    leave()
    payload = json.loads(raw)
    payload["enqueued_at"] = int(NOW * 1000)
    queues[payload["queue"]].append(json.dumps(payload, separators=(",", ":")).encode())
    return True


def names_nothing(raw):
    try:
        return not isinstance(json.loads(raw), dict)
    except ValueError:
        return True


OPTIONS = {
    "absent": {},
    "dead": {},
    "enqueued": {},
    "moved": {"to_queue": "b"},
    "rescheduled": {"at": repr(NOW + 900)},
}


def options_of(state, names):
    chosen = {"malformed": True} if names == ["malformed"] else {"classes": names}
    return {"state": state, **chosen, **OPTIONS[state]}


def check(client, database, state, names, window):
    write(client, database)
    wanted, matched, edited = expected(database, state, names)
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rotation, "_LARGEST", window)
        foreseen = edit(client, pathlib.Path(directory), NOW, options_of(state, names), check_mode=True)
        assert read(client) == database
        result = edit(client, pathlib.Path(directory), NOW, options_of(state, names))
        assert read(client) == wanted
        assert (result["matched"], result["edited"], result["gone"]) == (matched, edited, 0)
        assert told(foreseen) == told(result)
        assert result["matched"] == result["edited"] + result["unchanged"] + result["remaining"]
        assert result["complete"]
        assert leftovers(client) == []
        if not edited:
            return
        again = restore(client, result["archive"], NOW)
        assert read(client) == database, "the archive puts everything back where it was"
        assert again["restored"] == edited
        once = restore(client, result["archive"], NOW)
        assert (once["changed"], once["restored"]) == (False, 0)
        assert read(client) == database
        assert leftovers(client) == []


def told(result):
    """All but what only a run has."""
    return {name: value for name, value in result.items() if name not in ("archive", "duration")}


NAMES = st.sampled_from([["A"], ["B"], ["A", "B"], ["malformed"]])


@REAL_REDIS
@given(databases(), st.sampled_from(sorted(OPTIONS)), NAMES, st.integers(1, 7))
def test_the_end_is_what_plain_python_says_and_the_archive_brings_back_the_beginning(
    scratch_redis, database, state, names, window
):
    check(scratch_redis, database, state, names, window)


def empty():
    return {"queues": {"a": [], "b": []}, "sets": {"retry": {}, "scheduled": {}, "dead": {}}}


@pytest.mark.parametrize("odd", ODD)
def test_odd_members_beside_those_that_are_meant_stay(scratch_redis, odd):
    database = empty()
    database["queues"]["a"] = [odd, job(1, "A"), odd, job(2, "B"), odd]
    database["sets"]["retry"] = {odd: 5.0, job(3, "A"): 6.0}
    database["sets"]["dead"] = {odd + b" ": 5.0, job(4, "A"): 6.0, b"" if odd else b"\x00": 7.0}
    for state in OPTIONS:
        for window in (1, 2, 20):
            check(scratch_redis, database, state, ["A"], window)


@pytest.mark.parametrize("window", [1, 2, 3, 50])
@pytest.mark.parametrize("members", ["xbcx", "xx", "xxxxxxx", "abxaxx", "xaxaxaxa", "xxaaxx"])
def test_the_newest_member_stands_in_the_queue_more_than_once(scratch_redis, members, window):
    for wanted in "AX":
        database = empty()
        database["queues"]["a"] = [job(ord(letter), letter.upper()) for letter in members]
        check(scratch_redis, database, "absent", [wanted], window)
        check(scratch_redis, database, "moved", [wanted], window)


@pytest.mark.parametrize("window", [1, 2, 5, 100])
def test_of_identical_members_far_apart_one_stays(scratch_redis, window):
    database = empty()
    between = [job(number, "B") for number in range(50)]
    database["queues"]["a"] = [job(99, "A"), *between, job(99, "A"), *(job(number, "C") for number in range(60, 90))]
    write(scratch_redis, database)
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rotation, "_LARGEST", window)
        result = edit(scratch_redis, pathlib.Path(directory), NOW, {"state": "unique", "classes": ["A"]})
    assert (result["matched"], result["edited"], result["gone"]) == (1, 1, 0)
    left = read(scratch_redis)["queues"]["a"]
    assert left.count(job(99, "A")) == 1
    assert [raw for raw in left if raw != job(99, "A")] == database["queues"]["a"][1:51] + database["queues"]["a"][52:]


@REAL_REDIS
@given(databases(odd=False), st.lists(st.integers(1, 4), min_size=1, max_size=40), st.integers(1, 7))
def test_unique_keeps_the_oldest_of_each(scratch_redis, database, arguments, window):
    numbers = iter(range(10**6))
    for place, members in enumerate([*database["queues"].values(), *database["sets"].values()]):
        if isinstance(members, list):
            members[:] = [job(next(numbers), "A", args=[argument]) for argument in arguments[place::5]]
    write(scratch_redis, database)
    oldest: dict[str, tuple[Any, bytes]] = {}
    for _kind, _name, members in places(database):
        for raw in members:
            payload = json.loads(raw)
            age = (payload["created_at"], len(oldest))
            content = json.dumps([payload["class"], payload["args"]])
            oldest[content] = min(oldest.get(content, (age, raw)), (age, raw))
    kept = {raw for _age, raw in oldest.values()}
    wanted = {
        "queues": {name: [raw for raw in members if raw in kept] for name, members in database["queues"].items()},
        "sets": {
            name: {raw: score for raw, score in members.items() if raw in kept}
            for name, members in database["sets"].items()
        },
    }
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rotation, "_LARGEST", window)
        result = edit(scratch_redis, pathlib.Path(directory), NOW, {"state": "unique", "all": True})
        assert read(scratch_redis) == wanted
        if result["archive"]:
            restore(scratch_redis, result["archive"], NOW)
        assert read(scratch_redis) == database


def test_unique_keeps_one_of_each_while_workers_fetch(scratch_redis, tmp_path, monkeypatch):
    """It reads more than once, and what it keeps stands elsewhere then."""
    fetched = [job(number, "A", args=[50 + number]) for number in range(3)]
    twice = [job(100 + number, "A", args=[number % 10]) for number in range(30)]
    database = empty()
    database["queues"]["a"] = [*fetched, *twice]
    write(scratch_redis, database)
    reads = []

    def selected(*arguments, real=selecting.selected):
        reads.append(1)
        if len(reads) == 3:
            assert scratch_redis.rpop("queue:a", 3) == fetched
        return real(*arguments)

    monkeypatch.setattr(sidekiq_job, "selected", selected)
    result = edit(scratch_redis, tmp_path, NOW, {"state": "unique", "classes": ["A"]})
    assert len(reads) == 3
    assert read(scratch_redis)["queues"]["a"] == twice[:10]
    assert (result["matched"], result["edited"], result["gone"]) == (20, 20, 0)


@pytest.mark.parametrize("state", ["absent", "moved", "dead"])
def test_jobs_of_every_size(scratch_redis, state):
    """A step takes as many as it can hold, so that their sizes decide where it ends."""
    chance = random.Random(4)
    database = empty()
    database["queues"]["a"] = [
        job(number, chance.choice("AB"), args=["x" * chance.choice([10, 10, 1000, 90_000, 300_000])])
        for number in range(150)
    ]
    for window in (3, 1000):
        check(scratch_redis, database, state, ["A"], window)
