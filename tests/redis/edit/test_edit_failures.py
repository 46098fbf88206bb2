# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits that cannot go on: each ends in a sentence that says what to do, and no job is lost."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import re
import resource
import socket
import subprocess
import threading
import time

import pytest
import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.reader import Archive
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.bitmap import has_bit
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import extract, rotation
from ansible_collections.fediverse.mastodon.tests.instance import server
from ansible_collections.fediverse.mastodon.tests.redis import modules
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

JOBS = 300
DIGEST = "uniquejobs:0123456789abcdef0123456789abcdef"
EDITS = {
    "delete from a queue": {"state": "absent", "queues": ["push"], "sets": ["queues"], "classes": ["A"]},
    "delete from a set": {"state": "absent", "sets": ["retry"], "classes": ["A"]},
    "move": {"state": "moved", "sets": ["queues"], "queues": ["push"], "all": True, "to_queue": "slow"},
    "move in a set": {"state": "moved", "sets": ["retry"], "classes": ["A"], "to_queue": "slow"},
    "kill from a queue": {"state": "dead", "queues": ["push"], "sets": ["queues"], "classes": ["A"]},
    "kill from a set": {"state": "dead", "sets": ["retry"], "classes": ["A"]},
    "enqueue": {"state": "enqueued", "sets": ["retry", "dead"], "classes": ["A"]},
    "reschedule": {"state": "rescheduled", "sets": ["retry"], "in": "2h", "classes": ["A"]},
    "schedule": {"state": "rescheduled", "sets": ["queues"], "queues": ["push"], "in": "2h", "classes": ["A"]},
}


def job(number, name="A", queue="push", **fields):
    payload = {"class": name, "args": [modules.SECRET, "x" * 100], "jid": f"{number:024x}", "queue": queue, **fields}
    return json.dumps(payload, separators=(",", ":")).encode()


def fill(client):
    client.flushall()
    client.sadd("queues", "push")
    client.lpush("queue:push", *(job(number, "AAB"[number % 3]) for number in range(JOBS)))
    locked = job(JOBS, lock_digest=DIGEST)
    client.lpush("queue:push", locked)
    client.hset(f"{DIGEST}:LOCKED", f"{JOBS:024x}", "1795331156.4")
    client.set(DIGEST, f"{JOBS:024x}")
    client.zadd("uniquejobs:digests", {DIGEST: 1795331156.4})
    for name, first in (("retry", 1000), ("schedule", 2000), ("dead", 3000)):
        client.zadd(name, {job(first + number, "AAB"[number % 3]): number for number in range(JOBS)})


def contents(client):
    """Every key of the database, byte for byte, but what says of an archive that nothing of it was taken out."""
    keys = [key for key in client.keys("*") if not key.startswith(extract.TAKEN.encode()) or client.bitcount(key)]
    return {key: (client.dump(key), client.pttl(key) > 0) for key in keys}


def jids(client):
    """How often every job is there."""
    members = [raw for key in client.keys("queue:*") for raw in client.lrange(key, 0, -1)]
    members += [raw for key in ("retry", "schedule", "dead") for raw in client.zrange(key, 0, -1)]
    return collections.Counter(re.search(rb'"jid":"(\w+)"', raw).group(1) for raw in members)


def taken_out(client, directory):
    """The jobs that are nowhere but in an archive."""
    found = collections.Counter()
    for path in pathlib.Path(directory).glob("*.gz"):
        archive = Archive(str(path))
        taken = client.get(extract.TAKEN + archive.header.id) if archive.taken is None else archive.taken
        for number, entry in archive.entries():
            if not entry.to and has_bit(taken or b"", number):
                found[re.search(rb'"jid":"(\w+)"', entry.raw).group(1)] += 1
    return found


@pytest.fixture
def small_steps(monkeypatch):
    monkeypatch.setattr(rotation, "_LARGEST", 20)
    monkeypatch.setattr(rotation, "_ABANDONED", 0.02)


class Edited:
    """Runs sidekiq_job on a Redis."""

    def __init__(self, client, path, directory):
        self.client, self.directory = client, directory
        self.connection = {"redis_socket": str(path)}

    def run(self, edit, **options):
        arguments = {**self.connection, "archive_dir": str(self.directory), **EDITS[edit], **options}
        return modules.run("sidekiq_job", **arguments)

    def restore(self, path, **options):
        return modules.run("sidekiq_archive", **self.connection, path=path, **options)


@pytest.fixture
def edited(redis_process, scratch_redis, tmp_path):
    fill(scratch_redis)
    return Edited(scratch_redis, redis_process.socket, tmp_path)


ARCHIVE_KEYS = (extract.TAKEN, extract.RESTORED, extract.LIFTED)
COMMANDS = (
    *(
        "lpush",
        "ltrim",
        "lrange",
        "llen",
        "lpos",
        "lindex",
        "zadd",
        "zrem",
        "zscore",
        "sadd",
        "setbit",
        "getbit",
        "get",
    ),
    *("expire", "del", "hset", "hmget", "hexists", "hdel", "hlen", "unlink", "type", "eval|evalsha"),
)


@pytest.mark.parametrize("forbidden", COMMANDS)
def test_a_command_that_the_acl_forbids(edited, forbidden):
    client, stopped = edited.client, 0
    rules = [f"-{name}" for name in forbidden.split("|")]
    client.acl_setuser("storm", enabled=True, passwords=["+open sesame"], keys=["*"], commands=["+@all", *rules])
    for edit in EDITS:
        fill(client)
        before = contents(client)
        result = edited.run(edit, redis_username="storm", redis_password="open sesame")
        if not result.get("failed"):
            continue
        stopped += 1
        assert contents(client) == before, edit
        assert "does not permit the user storm what this task needs" in result["msg"]
        assert "Widen its ACL rules" in result["msg"]
        assert "open sesame" not in json.dumps(result)
    assert stopped


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(
    "keys",
    [
        ["queue:push", "queues", "retry", "schedule", "dead", "processes"],
        ["queue:push", "queues", "retry", "fediverse.mastodon:*", "processes"],
        ["queue:*", "queues", "retry", "schedule", "dead", "fediverse.mastodon:*", "processes"],
        ["queue:push", "retry", "schedule", "dead", "uniquejobs*", "fediverse.mastodon:*", "processes", "%R~queues"],
    ],
    ids=["no bitmaps", "no destination", "no locks", "no registry"],
)
def test_a_key_that_the_acl_forbids(edited, edit, keys):
    client = edited.client
    client.execute_command(
        "ACL",
        "SETUSER",
        "storm",
        "reset",
        "on",
        ">open sesame",
        "+@all",
        *(key if "~" in key else f"~{key}" for key in keys),
    )
    before = contents(client)
    result = edited.run(edit, redis_username="storm", redis_password="open sesame")
    if result.get("failed"):
        assert contents(client) == before
        assert "does not permit the user storm what this task needs" in result["msg"]
    else:
        assert result["edited"] > 0


@pytest.mark.parametrize("edit", EDITS)
def test_a_replica_is_refused_before_anything(edit, redis_process, scratch_redis, tmp_path):
    with server.running("--replicaof", "127.0.0.1 1", binary="redis-server") as replica, replica.client() as client:
        result = Edited(client, replica.socket, tmp_path / "archives").run(edit)
        assert "is a replica and takes no writes. Point the task at the master" in result["msg"]
        assert not (tmp_path / "archives").exists()


def test_a_redis_that_loads(tmp_path):
    options = ("--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024")
    with server.running(*options, binary="redis-server") as loading, loading.client() as client:
        fill(client)
        client.config_set("key-load-delay", 500_000)

        def reload():
            with contextlib.suppress(redis.RedisError):  # it is stopped before it has loaded all
                loading.client().execute_command("DEBUG", "RELOAD")

        threading.Thread(target=reload, daemon=True).start()
        time.sleep(0.3)
        result = Edited(client, loading.socket, tmp_path / "archives").run("move")
        assert "is loading its data from disk" in result["msg"]
        assert not (tmp_path / "archives").exists()


@pytest.mark.parametrize("edit", EDITS)
def test_a_redis_that_is_full(edited, edit):
    """What frees memory, or needs no more, goes on; what has left can come back when there is room again."""
    client = edited.client
    before = load_vector.dump(client)
    try:
        client.config_set("maxmemory", 1)
        result = edited.run(edit)
        assert not result.get("failed"), result
        assert result["edited"] == result["matched"] > 0
        there = jids(client) + taken_out(client, edited.directory)
        assert set(there.values()) == {1}
        full = contents(client)
        refused = edited.restore(result["archive"])
        assert "has reached its maxmemory and refuses to write. Raise maxmemory" in refused["msg"]
        assert contents(client) == full
    finally:
        client.config_set("maxmemory", 0)
    assert edited.restore(result["archive"])["restored"] == result["edited"]
    after = load_vector.dump(client)
    for key in ("queue:push", "retry", "schedule", "dead"):
        assert after[key] == before[key]
    assert after.keys() - before.keys() <= {
        name + pathlib.Path(result["archive"]).name[-25:-9] for name in ARCHIVE_KEYS
    }


class Cutting:
    """A proxy to Redis that forwards so many bytes and closes then, in the middle of whatever it is."""

    def __init__(self, path, after):
        self._path, self._left = str(path), after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                theirs, _address = self._listener.accept()
                ours = socket.socket(socket.AF_UNIX)
                ours.connect(self._path)
                for source, target in ((theirs, ours), (ours, theirs)):
                    threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                part = data[: max(0, self._left)]
                self._left -= len(data)
                target.sendall(part)
                if self._left <= 0:
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._left = 0
        self._listener.shutdown(socket.SHUT_RDWR)  # else its thread would wait for ever
        self._listener.close()


def total_bytes(edited, edit, redis_process):
    proxy = Cutting(redis_process.socket, 10**9)
    edited.connection = {"redis_url": f"redis://127.0.0.1:{proxy.port}/0"}
    assert not edited.run(edit).get("failed")
    used = 10**9 - proxy._left
    proxy.close()
    return used


@pytest.mark.parametrize("edit", ["delete from a queue", "move", "kill from a set", "enqueue"])
def test_a_connection_that_breaks_in_the_middle(edited, edit, redis_process, small_steps, tmp_path):
    whole = total_bytes(edited, edit, redis_process)
    told = 0
    for number in range(12):
        fill(edited.client)
        before = jids(edited.client)
        edited.directory = tmp_path / f"archives {number}"
        proxy = Cutting(redis_process.socket, whole * number // 12)
        edited.connection = {"redis_url": f"redis://127.0.0.1:{proxy.port}/0"}
        result = edited.run(edit)
        proxy.close()
        assert result["failed"]
        assert re.search("closed the connection", result["msg"]), result["msg"]
        assert jids(edited.client) + taken_out(edited.client, edited.directory) == before
        if "archive" in result:
            told += 1
            assert (
                f"So far {result['edited']} jobs were edited; all are in {result['archive']}. Run the task"
                in result["msg"]
            )
        edited.connection = {"redis_socket": str(redis_process.socket)}
        again = edited.run(edit)
        assert not again.get("failed")
        assert edited.run(edit)["edited"] == 0
        assert jids(edited.client) + taken_out(edited.client, edited.directory) == before
    assert told


def test_clients_that_are_killed_all_the_time(edited, small_steps):
    before, over = jids(edited.client), threading.Event()

    def kill():
        admin = redis.Redis(unix_socket_path=edited.connection["redis_socket"])
        while not over.is_set():
            admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            time.sleep(0.004)

    killer = threading.Thread(target=kill)
    killer.start()
    ends, last = [], time.monotonic() + 600
    try:
        while sum(bool(end.get("failed")) for end in ends) < 20 and time.monotonic() < last:
            ends += [edited.run("move"), edited.run("move", queues=["slow"], to_queue="push")]
    finally:
        over.set()
        killer.join()
    assert sum(bool(end.get("failed")) for end in ends) >= 20
    for end in ends:
        assert not end.get("failed") or "closed the connection" in end["msg"]
    edited.run("move")
    assert jids(edited.client) == before
    assert edited.client.llen("queue:push") == 0


def test_scripts_that_are_forgotten_in_the_middle(edited, small_steps, monkeypatch):
    """Redis forgets its scripts when it is started anew, and a replica that becomes the master may never have known them."""
    before = jids(edited.client)
    steps = []
    step = extract.Taker._step

    def forgetful(*arguments):
        edited.client.script_flush()
        steps.append(1)
        return step(*arguments)

    monkeypatch.setattr(extract.Taker, "_step", forgetful)
    result = edited.run("delete from a queue")
    assert result["edited"] == result["matched"]
    assert len(steps) > 5
    assert jids(edited.client) + taken_out(edited.client, edited.directory) == before


def run_with_little_space(edited, edit, size):
    """The result where a file may not be larger than so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        return edited.run(edit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("edit", ["delete from a queue", "delete from a set"])
def test_a_disk_that_is_full_at_any_byte_of_the_archive(edited, edit):
    before, whole = contents(edited.client), 2000
    untouched = 0
    for size in [*range(0, 60, 7), *range(60, whole, 97), *range(whole, 40 * whole, 9 * whole)]:
        result = run_with_little_space(edited, edit, size)
        if not result.get("failed"):
            break
        assert re.search(r"cannot be written: File too large\. Set archive_dir|There is no room in", result["msg"])
        if "archive" in result:  # only what became of the jobs could not be written down any more, and Redis knows it
            assert "So far" in result["msg"]
            assert edited.restore(result["archive"])["restored"] == result["edited"]
            fill(edited.client)
            before = contents(edited.client)
            continue
        untouched += 1
        assert contents(edited.client) == before
        assert list(edited.directory.iterdir()) == [], "nothing that is of no use is left behind"
    else:
        pytest.fail("it never had enough")
    assert untouched > 3


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_disk_that_is_really_full(edited, small_disk):
    edited.directory = small_disk
    (small_disk / "other").write_bytes(b"x" * 65_536)
    before = contents(edited.client)
    result = edited.run("delete from a queue")
    assert "No space left on device. Set archive_dir to a directory with space" in result["msg"]
    assert contents(edited.client) == before
    assert [path.name for path in small_disk.iterdir()] == ["other"]


@pytest.mark.parametrize("place", ["file/archives", "file", "/proc/archives", "/sys"])
def test_an_archive_dir_that_cannot_be_used(edited, place, tmp_path):
    (tmp_path / "file").write_text("")
    edited.directory = tmp_path / place
    before = contents(edited.client)
    result = edited.run("move")
    assert "Set archive_dir" in result["msg"]
    assert contents(edited.client) == before


def test_more_than_max_jobs(edited):
    before = contents(edited.client)
    for check_mode in (True, False):
        result = edited.run("delete from a queue", max_jobs=200, check_mode=check_mode)
        assert result["msg"].startswith("More than max_jobs (200) jobs would be edited; nothing was touched.")
    assert contents(edited.client) == before
    assert list(edited.directory.glob("*")) == []
    assert edited.run("delete from a queue", max_jobs=201)["edited"] == 201


@pytest.mark.parametrize("limit", [0, 1, 57, 201, 1000])
def test_limit(edited, limit):
    before = edited.client.lrange("queue:push", 0, -1)[::-1]
    result = edited.run("delete from a queue", limit=limit)
    assert (result["matched"], result["edited"], result["complete"]) == (201, min(limit, 201), limit >= 201)
    assert result["remaining"] == 201 - result["edited"]
    assert sum(result["by_class"].values()) == result["edited"]
    wanted = [raw for raw in before if b'"class":"A"' in raw][:limit]
    assert edited.client.lrange("queue:push", 0, -1)[::-1] == [raw for raw in before if raw not in wanted]
    assert (result["archive"] is None) == (limit == 0)


@pytest.mark.parametrize("edit", EDITS)
def test_no_time_at_all(edited, edit):
    before = contents(edited.client)
    result = edited.run(edit, time_limit="0s")
    assert (result["changed"], result["edited"], result["gone"], result["complete"]) == (False, 0, 0, False)
    assert result["remaining"] == result["matched"] > 0
    assert result["by_class"] == {}
    assert contents(edited.client) == before
    assert result["archive"] is None
    assert list(edited.directory.glob("*")) == []


def test_time_that_is_up_in_the_middle(edited, small_steps, monkeypatch):
    before = edited.client.lrange("queue:push", 0, -1)[::-1]
    calls = iter([False] * 4 + [True] * 1000)
    monkeypatch.setattr(extract.Taker, "_late", lambda self: next(calls))
    result = edited.run("delete from a queue", time_limit="1h")
    assert not result["complete"]
    assert 0 < result["edited"] < 201
    assert (result["gone"], result["remaining"]) == (0, 201 - result["edited"])
    assert sum(result["by_class"].values()) == sum(result["by_queue"].values()) == result["edited"]
    after = edited.client.lrange("queue:push", 0, -1)[::-1]
    wanted = [raw for raw in before if b'"class":"A"' in raw][: result["edited"]]
    assert after == [raw for raw in before if raw not in wanted], "the order is kept"
    assert edited.restore(result["archive"])["restored"] == result["edited"]
    assert edited.client.lrange("queue:push", 0, -1)[::-1] == before


@pytest.mark.parametrize("kind", ["string", "hash", "zset", "set"])
def test_a_destination_that_is_none_of_sidekiqs(edited, kind):
    client = edited.client
    write = {
        "string": lambda: client.set("queue:slow", "x"),
        "hash": lambda: client.hset("queue:slow", "a", "b"),
        "zset": lambda: client.zadd("queue:slow", {"a": 1}),
        "set": lambda: client.sadd("queue:slow", "a"),
    }
    write[kind]()
    before = contents(client)
    result = edited.run("move")
    assert "The key queue:slow in Redis is no list" in result["msg"]
    assert contents(client) == before


@pytest.mark.parametrize("forbidden", ["unlink", "zrem", "hexists", "eval|evalsha"])
def test_locks_that_the_acl_forbids_to_free(edited, forbidden):
    client = edited.client
    client.hset("uniquejobs:gone:LOCKED", "no such job", "1795331156.4")
    client.zadd("uniquejobs:digests", {"uniquejobs:gone": 1795331156.4})
    rules = [f"-{name}" for name in forbidden.split("|")]
    client.acl_setuser("storm", enabled=True, passwords=["+open sesame"], keys=["*"], commands=["+@all", *rules])
    before = contents(client)
    login = {"redis_username": "storm", "redis_password": "open sesame"}
    result = modules.run("sidekiq_lock", **edited.connection, **login, min_age="0s")
    assert "does not permit the user storm what this task needs" in result["msg"]
    assert contents(client) == before
    assert modules.run("sidekiq_lock", **edited.connection, min_age="0s")["freed"] == 1
