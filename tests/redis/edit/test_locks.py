# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which unique locks belong to a job that is somewhere, and which to none: a lock is only orphaned if that is certain."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import unique_locks as lock_module
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit.unique_locks import audit, read_locks
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.iterate import set_members

NOW = 1795331156.0
DIGEST, JID = "uniquejobs:0123456789abcdef0123456789abcdef", "7315dc4675986a31ef9294ab"
PROCESS = "worker.example:1856:c98a7640857b"
PREFIXES = ["", "mastodon:", "odd[a-z]*?\\:"]


def hold(client, key, digest=DIGEST, jid=JID, age=86400.0, registry="uniquejobs:digests"):
    """A lock as the gem keeps it: the hash of its holders, and its digest in a registry."""
    client.hset(key(digest, ":LOCKED"), jid, repr(NOW - age))
    client.zadd(key(registry), {digest: NOW - age})


def payload(jid=JID, digest=DIGEST, **fields):
    return json.dumps({"class": "RegenerationWorker", "args": [1], "jid": jid, "lock_digest": digest, **fields})


def run(client, key, raw, work=":work", as_text=True):
    entry = {"queue": "default", "payload": raw if as_text else json.loads(raw), "run_at": int(NOW)}
    client.sadd(key("processes"), PROCESS)
    client.hset(key(PROCESS), mapping={"info": json.dumps({"hostname": "worker.example"}), "busy": 1})
    client.hset(key(PROCESS, work), "dg", json.dumps(entry))


def register(client, key, queue, raw):
    client.sadd(key("queues"), queue)
    client.lpush(key.queue(queue), raw)


ALIVE = {
    "queue": lambda client, key, raw: register(client, key, "default", raw),
    "queue that is not registered": lambda client, key, raw: client.lpush(key.queue("lost"), raw),
    "private queue of super_fetch": lambda client, key, raw: client.lpush(key.queue("sq|host:1:abc|default"), raw),
    "private list of reliable fetchers": lambda client, key, raw: client.lpush(key("working:queue:default:abc"), raw),
    "retry": lambda client, key, raw: client.zadd(key("retry"), {raw: NOW + 60}),
    "schedule": lambda client, key, raw: client.zadd(key("schedule"), {raw: NOW + 60}),
    "running": run,
    "running in 6.4.1": lambda client, key, raw: run(client, key, raw, ":workers"),
    "running, payload not as text": lambda client, key, raw: run(client, key, raw, as_text=False),
}
GONE = {
    "nowhere": lambda client, key, raw: None,
    "dead": lambda client, key, raw: client.zadd(key("dead"), {raw: NOW - 60}),
    "a key of another tool": lambda client, key, raw: client.lpush(key("backup:default"), raw),
}


def orphans(client, key=None, min_age=300.0):
    return [lock.digest for lock in audit(client, key or Keys(), NOW, min_age, 0.0).orphaned]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("place", ALIVE)
def test_a_lock_whose_job_is_somewhere_is_kept(scratch_redis, place, prefix):
    key = Keys(prefix)
    hold(scratch_redis, key)
    ALIVE[place](scratch_redis, key, payload())
    report = audit(scratch_redis, key, NOW, 300.0, 0.0)
    assert ([lock.digest for lock in report.locks], report.orphaned) == ([DIGEST], ())


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("place", GONE)
def test_a_lock_whose_job_is_gone_is_orphaned(scratch_redis, place, prefix):
    key = Keys(prefix)
    hold(scratch_redis, key)
    GONE[place](scratch_redis, key, payload())
    assert orphans(scratch_redis, key) == [DIGEST]


@pytest.mark.parametrize(
    "raw",
    [
        payload(digest="uniquejobs:other"),  # by its jid
        payload(jid="other"),  # by its digest
        payload(jid="other", digest=None, unique_digest=DIGEST),  # before 7.0 of the gem
        json.dumps({"args": [{"jid": JID}]}),  # wherever it stands
        payload().replace(": ", ":"),
        payload().replace(": ", " : "),
        payload() + "x",  # broken, but it might be mended
    ],
)
def test_a_job_is_known_by_its_id_and_by_its_digest(scratch_redis, raw):
    hold(scratch_redis, Keys())
    scratch_redis.lpush("queue:default", raw)
    assert orphans(scratch_redis) == []


def test_another_job_does_not_keep_a_lock(scratch_redis):
    hold(scratch_redis, Keys())
    scratch_redis.lpush("queue:default", payload("other", "uniquejobs:other"), json.dumps({"args": [JID, DIGEST]}))
    assert orphans(scratch_redis) == [DIGEST]


@pytest.mark.parametrize(("age", "found"), [(300.0, []), (299.0, []), (-60.0, []), (300.5, [DIGEST])])
def test_a_younger_lock_is_not_judged(scratch_redis, age, found):
    hold(scratch_redis, Keys(), age=age)
    assert orphans(scratch_redis, min_age=300.0) == found


@pytest.mark.parametrize("moment", ["", "soon", "nan"])
def test_a_lock_of_unknown_age_is_not_judged(scratch_redis, moment):
    hold(scratch_redis, Keys())
    scratch_redis.hset(f"{DIGEST}:LOCKED", JID, moment)
    (lock,) = audit(scratch_redis, Keys(), NOW, 300.0, 0.0).locks
    assert (lock.locked_at, orphans(scratch_redis)) == (None, [])


def test_a_lock_that_is_meant_to_outlive_its_job_is_kept(scratch_redis):
    hold(scratch_redis, Keys(), registry="uniquejobs:expiring_digests")
    report = audit(scratch_redis, Keys(), NOW, 300.0, 0.0)
    assert ([lock.outlives for lock in report.locks], report.orphaned) == ([True], ())


@pytest.mark.parametrize(
    ("place", "orphaned"),
    [("queue", True), ("retry", True), ("schedule", True), ("running", False), ("running in 6.4.1", False)],
)
def test_a_lock_for_the_run_is_orphaned_unless_its_job_runs(scratch_redis, place, orphaned):
    hold(scratch_redis, Keys(), digest=f"{DIGEST}:RUN")
    ALIVE[place](scratch_redis, Keys(), payload())
    (lock,) = audit(scratch_redis, Keys(), NOW, 300.0, 0.0).locks
    assert lock.runtime
    assert orphans(scratch_redis) == [f"{DIGEST}:RUN"] * orphaned


def test_a_lock_with_several_holders_lives_with_any_of_them(scratch_redis):
    hold(scratch_redis, Keys(), jid="gone", age=99999.0)
    hold(scratch_redis, Keys(), jid=JID)
    assert orphans(scratch_redis) == [DIGEST]
    scratch_redis.lpush("queue:default", payload(digest=None))
    assert orphans(scratch_redis) == []


def test_a_lock_is_as_old_as_its_oldest_holder(scratch_redis):
    hold(scratch_redis, Keys(), jid="a", age=400.0)
    hold(scratch_redis, Keys(), jid="b", age=10.0)
    (lock,) = read_locks(scratch_redis, Keys())
    assert lock.locked_at == NOW - 400.0
    assert orphans(scratch_redis) == [DIGEST]


def test_a_job_that_moves_while_it_is_looked_for_keeps_its_lock(scratch_redis, monkeypatch):
    hold(scratch_redis, Keys())
    scratch_redis.zadd("retry", {payload(): NOW})

    def moving(client, key):
        """The queues were read; now the poller puts the job into one."""
        if key == b"retry" and client.zrem("retry", payload()):
            client.lpush("queue:default", payload())
        return set_members(client, key)

    monkeypatch.setattr(lock_module, "set_members", moving)
    assert orphans(scratch_redis) == []
    assert scratch_redis.zcard("retry") == 0


def test_entries_of_the_registry_without_a_lock_are_none(scratch_redis):
    hold(scratch_redis, Keys())
    scratch_redis.delete(f"{DIGEST}:LOCKED")
    assert audit(scratch_redis, Keys(), NOW, 300.0, 0.0).locks == ()


def test_many_locks(scratch_redis):
    pipe = scratch_redis.pipeline()
    for number in range(2500):
        hold(pipe, Keys(), digest=f"uniquejobs:{number:032x}", jid=f"{number:024x}")
        if number % 5:
            pipe.lpush("queue:default", payload(f"{number:024x}", None))
    pipe.execute()
    report = audit(scratch_redis, Keys(), NOW, 300.0, 0.0)
    assert len(report.locks) == 2500
    assert [lock.digest for lock in report.orphaned] == [f"uniquejobs:{number:032x}" for number in range(0, 2500, 5)]


@pytest.mark.parametrize("foreign", ["uniquejobs:digests", "uniquejobs:expiring_digests", f"{DIGEST}:LOCKED"])
def test_keys_of_another_type_are_not_the_gems(scratch_redis, foreign):
    hold(scratch_redis, Keys())
    hold(scratch_redis, Keys(), digest="uniquejobs:kept", registry="uniquejobs:expiring_digests")
    scratch_redis.delete(foreign)
    scratch_redis.lpush(foreign, "x")
    scratch_redis.set("queue:default", "x")
    scratch_redis.set("retry", "x")
    scratch_redis.set("processes", "x")
    expected = {"uniquejobs:digests": ["uniquejobs:kept"], "uniquejobs:expiring_digests": [DIGEST]}
    found = [lock.digest for lock in audit(scratch_redis, Keys(), NOW, 300.0, 0.0).locks]
    assert found == expected.get(foreign, ["uniquejobs:kept"])
