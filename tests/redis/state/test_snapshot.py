# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at everything: in how many round trips, and what it makes of keys that are not Sidekiq's."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import Any

import pytest
import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import PARTS, read_snapshot
from ansible_collections.fediverse.mastodon.tests.instance import situations
from ansible_collections.fediverse.mastodon.tests.instance.heartbeat import kept_alive
from ansible_collections.fediverse.mastodon.tests.redis import looking


def read(client, key, parts=PARTS, clock=None):
    """A snapshot of which each part is taken to be there."""
    return read_snapshot(client, key, parts, clock)


class Wire(redis.UnixDomainSocketConnection):
    """Counts how often something is sent after something was received: each time is a round trip."""

    trips = 0
    received = True

    def send_packed_command(self, *args, **options):
        if self.received:
            self.trips, self.received = self.trips + 1, False
        return super().send_packed_command(*args, **options)

    def read_response(self, *args, **options):
        self.received = True
        return super().read_response(*args, **options)


@contextlib.contextmanager
def counting(client):
    """A second client of the same database, connected, and the connection that counts for it."""
    path = client.connection_pool.connection_kwargs["path"]
    pool = redis.ConnectionPool(connection_class=Wire, path=path, max_connections=1)
    try:
        with redis.Redis(connection_pool=pool) as second:
            second.ping()
            wire: Any = pool.get_connection()
            pool.release(wire)
            wire.trips = 0
            yield second, wire
    finally:
        pool.disconnect()


def test_the_counter_counts(scratch_redis):
    with counting(scratch_redis) as (client, wire):
        client.ping()
        client.llen("queue:push")
        pipe = client.pipeline(transaction=False)
        for _number in range(1000):
            pipe.ping()
        pipe.execute()
        assert wire.trips == 3


@pytest.mark.parametrize("processes", [1, 20])
@pytest.mark.parametrize("queues", [0, 7, 50])
def test_three_round_trips_at_most(scratch_redis, queues, processes):
    situations.queues_and_processes(scratch_redis, queues=queues, processes=processes)
    with counting(scratch_redis) as (client, wire):
        snapshot = read(client, Keys())
        assert wire.trips == snapshot.round_trips <= 3
    assert (len(snapshot.queues), len(snapshot.alive), len(snapshot.work)) == (queues, processes, 5 * processes)


def test_three_round_trips_with_queues_that_are_not_registered(scratch_redis):
    situations.queues_and_processes(scratch_redis, queues=50, processes=20)
    scratch_redis.delete("queues")
    with counting(scratch_redis) as (client, wire):
        snapshot = read(client, Keys())
        assert wire.trips == snapshot.round_trips == 3
    assert len(snapshot.queues) == 50
    assert not any(queue.registered for queue in snapshot.queues)
    assert {queue.size for queue in snapshot.queues} == {20}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_alone_needs_no_more_and_is_the_same(scratch_redis, part):
    situations.trouble(scratch_redis, scale=0.01)
    now = time.time()
    everything = read(scratch_redis, Keys(), clock=now)
    with counting(scratch_redis) as (client, wire):
        alone = read(client, Keys(), [part], clock=now)
        assert wire.trips == alone.round_trips <= 2
    if part == "server":
        assert alone.server.version == everything.server.version
    elif part == "queues":
        assert alone.queues == tuple(queue for queue in everything.queues if queue.registered)
    else:
        assert getattr(alone, part) == getattr(everything, part)
    others = {"counters", "queues", "sets", "work", "schedule", "server"} - {part}
    assert all(getattr(alone, name) is None for name in others)


def test_default_sections_of_the_module_need_three_round_trips_at_most(scratch_redis):
    situations.trouble(scratch_redis, scale=0.01)
    sections = ["totals", "queues", "sets", "processes", "busy", "schedule", "redis"]
    with counting(scratch_redis) as (client, wire):
        looking.info(client, sections=sections)
        assert wire.trips <= 3


def test_an_empty_redis(scratch_redis):
    before = time.time()
    snapshot = read(scratch_redis, Keys())
    assert before - 1 < snapshot.taken_at < time.time() + 1
    assert abs(snapshot.clock_offset) < 1
    assert (snapshot.queues, snapshot.processes, snapshot.work, snapshot.schedule) == ((), (), (), ())
    assert (snapshot.counters.processed, snapshot.counters.failed, snapshot.locks) == (0, 0, 0)
    assert {found.size for found in snapshot.sets.values()} == {0}
    assert snapshot.server.product in ("redis", "valkey")
    assert looking.info(scratch_redis)["locks"]["total"] == 0
    assert [found["id"] for found in looking.health(scratch_redis)["findings"]][:1] == ["no_process"]


FOREIGN = {
    "string": lambda client, key: client.set(key, b"\xff"),
    "list": lambda client, key: client.rpush(key, b"\xff", b"x"),
    "set": lambda client, key: client.sadd(key, b"\xff", b"x"),
    "sorted set": lambda client, key: client.zadd(key, {b"\xff": 1, b"x": float("inf")}),
    "hash": lambda client, key: client.hset(key, mapping={b"\xff": b"\xff", b"x": b"y"}),
    "stream": lambda client, key: client.xadd(key, {"a": "b"}),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_types_under_sidekiqs_names_do_no_harm(scratch_redis, kind):
    situations.trouble(scratch_redis, scale=0.002)
    identity = next(name for name in scratch_redis.smembers("processes") if scratch_redis.exists(name))
    scratch_redis.sadd("paused", "pull")
    scratch_redis.sadd("cron_jobs", "cron_job:a")
    scratch_redis.hset("cron_job:a", "name", "a")
    scratch_redis.hset("sidekiq-scheduler:states", "a", "{}")
    named = "queues processes paused retry schedule dead stat:processed stat:failed schedules cron_jobs"
    named += " cron_jobs:default cron_job:a queue:push uniquejobs:digests uniquejobs:expiring_digests"
    named += " sidekiq-scheduler:states sidekiq-scheduler:last_times sidekiq-scheduler:next_times"
    digest = scratch_redis.zrange("uniquejobs:digests", 0, 0)[0]
    for name in [*named.split(), identity, identity + b":work", identity + b":workers", digest + b":LOCKED"]:
        kept = scratch_redis.dump(name)
        scratch_redis.delete(name)
        FOREIGN[kind](scratch_redis, name)
        # Nothing beats here, so there is no heartbeat to wait for; what it sends is read all the same.
        looking.info(scratch_redis, heartbeat_timeout=0)
        looking.health(scratch_redis, heartbeat_timeout=0)
        scratch_redis.delete(name)
        if kept is not None:
            scratch_redis.restore(name, 60_000, kept)


def test_a_foreign_type_hides_nothing_else(scratch_redis):
    situations.trouble(scratch_redis, scale=0.01)
    now = time.time()
    before = read(scratch_redis, Keys(), clock=now)
    scratch_redis.delete("retry", "queue:push", "stat:failed")
    for name in ("retry", "queue:push", "stat:failed"):
        FOREIGN["hash"](scratch_redis, name)
    after = read(scratch_redis, Keys(), clock=now)
    sizes = {queue.name: queue.size for queue in before.queues}
    assert {queue.name: queue.size for queue in after.queues} == {**sizes, "push": 0}
    assert after.sets["retry"].size == 0
    assert after.sets["scheduled"] == before.sets["scheduled"]
    assert (after.counters.processed, after.counters.failed) == (before.counters.processed, 0)
    assert (after.processes, after.work, after.schedule) == (before.processes, before.work, before.schedule)


def judged(client, prefix=""):
    """The ids of all findings, and how many locks are held and how many of them are orphaned."""
    found = [finding["id"] for finding in looking.health(client, prefix)["findings"]]
    locks = looking.info(client, prefix, sections=["locks"])["locks"]
    return found, locks["total"], locks["orphaned"]


@pytest.mark.parametrize("prefix", ["mastodon:", "\N{SNOWMAN}[a-z]*:"])
def test_a_namespace_hides_nothing_and_shows_nothing_else(scratch_redis, prefix):
    processes = situations.trouble(scratch_redis, scale=0.01)
    # Locks are orphaned only once every process has sent a newer heartbeat.
    with kept_alive(scratch_redis, processes, every=0.2):
        plain = judged(scratch_redis)
    now = time.time()
    parts = [part for part in PARTS if part != "server"]
    before = read(scratch_redis, Keys(), parts, clock=now)
    for name in scratch_redis.keys("*"):
        scratch_redis.rename(name, prefix.encode() + name)
    after = read(scratch_redis, Keys(prefix), parts, clock=now)
    assert dataclasses.replace(after, round_trips=0) == dataclasses.replace(before, round_trips=0)
    with kept_alive(scratch_redis, processes, every=0.2, prefix=prefix):
        assert judged(scratch_redis, prefix) == plain
    found, _locks, orphaned = plain
    assert orphaned and "locks_orphaned" in found
    without = read(scratch_redis, Keys(), parts, clock=now)
    assert (without.queues, without.processes, without.locks) == ((), (), 0)


def test_a_user_who_may_only_read_sees_all_but_the_server(scratch_redis):
    processes = situations.trouble(scratch_redis, scale=0.01)
    scratch_redis.execute_command("ACL", "SETUSER", "reader", "reset", "on", ">pass", "~*", "+@read")
    path = scratch_redis.connection_pool.connection_kwargs["path"]
    try:
        with redis.Redis(unix_socket_path=path, username="reader", password="pass") as reader:
            now = time.time()
            ours, theirs = (read(client, Keys(), clock=now) for client in (scratch_redis, reader))
            hidden: dict[str, Any] = {"server": None, "round_trips": 0}
            assert dataclasses.replace(ours, **hidden) == dataclasses.replace(theirs, **hidden)
            assert (theirs.server.version, theirs.server.rdb_enabled, theirs.server.loading) == (None, None, False)
            with kept_alive(scratch_redis, processes, every=0.2):
                locks, seen = (looking.info(client, sections=["locks"])["locks"] for client in (scratch_redis, reader))
                known = {found["id"] for found in looking.health(scratch_redis)["findings"]} - {"redis_persistence"}
                assert {found["id"] for found in looking.health(reader)["findings"]} == known
            assert locks["orphaned"] and {**locks, "oldest_age": None} == {**seen, "oldest_age": None}
    finally:
        scratch_redis.execute_command("ACL", "DELUSER", "reader")
