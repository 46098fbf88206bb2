# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The made-up instance is what it says, compared with recorded jobs and locks; Ruby reads it in tests/conformance."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest
import redis

from ansible_collections.fediverse.mastodon.tests.instance import (
    heartbeat,
    locks,
    neighbours,
    server,
    situations,
    workers,
)
from ansible_collections.fediverse.mastodon.tests.instance.payloads import Forge
from ansible_collections.fediverse.mastodon.tests.redis.waiting import wait_for
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

VECTORS = load_vector.FOLDER
SETS = ("retry", "schedule", "dead")
SCALE = 0.02
# 2 % of the full size, and what every instance has
TROUBLE_QUEUES = {"default": 360, "push": 480, "ingress": 240, "pull": 412}
TROUBLE_SETS = {"retry": 24 + 4 + 76 + 6, "schedule": 13, "dead": 5}


def jobs_of(client, key):
    """The payloads of a queue, newest first, or of a sorted set."""
    members = client.lrange(key, 0, -1) if key.startswith("queue:") else client.zrange(key, 0, -1)
    return [json.loads(member) for member in members]


def running_jobs(client):
    """The payloads of running jobs with the second since which they run."""
    found = []
    for identity in client.smembers("processes"):
        for work in client.hvals(identity + b":work"):
            entry = json.loads(work)
            found.append((json.loads(entry["payload"]), entry["run_at"]))
    return found


def recorded_jobs(pattern):
    """Every job that a real Sidekiq wrote into the vectors with these names."""
    for path in sorted(VECTORS.glob(pattern)):
        state = json.loads(path.read_text(encoding="utf-8")).get("state", {})
        for key, entry in state.items():
            if entry["type"] in ("list", "zset") and not key.startswith("uniquejobs:"):
                for member in entry["value"]:
                    text = member if isinstance(member, str) else member[0]
                    try:
                        yield key, json.loads(text)
                    except (TypeError, ValueError):  # the malformed ones
                        continue


def orphans(client):
    """The digests of locks of which no job is queued, waiting or running."""
    keys = [key.decode() for key in client.scan_iter("queue:*")] + ["retry", "schedule"]
    living = {job["jid"] for key in keys for job in jobs_of(client, key)}
    living |= {job["jid"] for job, _since in running_jobs(client)}
    digests = [digest.decode() for digest in client.zrange("uniquejobs:digests", 0, -1)]
    return [digest for digest in digests if not {jid.decode() for jid in client.hkeys(f"{digest}:LOCKED")} & living]


def test_digests_are_those_of_the_gem():
    compared = 0
    for _key, job in recorded_jobs("read-817-unique.json"):
        if "lock_digest" in job:
            compared += 1
            assert locks.digest(job["class"], job["queue"], job["lock_args"]) == job["lock_digest"]
    assert compared > 10


def test_payloads_have_the_fields_of_recorded_ones():
    forge, compared = Forge(), set()
    for vector in ("read-817-live.json", "read-817-unique.json"):
        for key, recorded in recorded_jobs(vector):
            name = recorded["class"]
            locks_missing = vector == "read-817-live.json" and name in workers.WORKERS and workers.WORKERS[name].lock
            if not key.startswith("queue:") or name not in workers.WORKERS or locks_missing or "tags" in recorded:
                continue
            ours = forge.any_job(name, 1795331114.968)
            assert sorted(ours) == sorted(recorded), name
            differing = {field for field in ours if type(ours[field]) is not type(recorded[field])}
            assert differing <= {"backtrace"}, name  # the recorded class asks for four lines only
            pairs = zip(ours["args"], recorded["args"])
            assert all(type(one) is type(other) or None in (one, other) for one, other in pairs), name
            compared.add(name)
    assert {"ActivityPub::DeliveryWorker", "BackupWorker", "Admin::DomainPurgeWorker"} <= compared


def test_mail_has_the_fields_of_a_recorded_one():
    recorded = next(job for key, job in recorded_jobs("read-817-live.json") if key == "queue:mailers")
    ours = Forge().mail("UserMailer", "backup_ready", 1104, 1795331114.975)
    assert list(ours) == list(recorded)
    assert set(recorded["args"][0]) - set(ours["args"][0]) == {"enqueued_at", "scheduled_at"}


def test_heartbeat_has_the_fields_of_a_recorded_one(scratch_redis):
    state = json.loads((VECTORS / "read-817-live.json").read_text(encoding="utf-8"))["state"]
    identity = next(key for key, entry in state.items() if entry["type"] == "hash" and "beat" in entry["value"])
    recorded = state[identity]["value"]
    (process,) = situations.healthy(scratch_redis)
    ours = {field.decode(): value.decode() for field, value in scratch_redis.hgetall(process.identity).items()}
    assert sorted(ours) == sorted(recorded)
    assert list(json.loads(ours["info"])) == list(json.loads(recorded["info"]))
    assert scratch_redis.pttl(process.identity) == pytest.approx(60_000, abs=50_000)
    theirs = json.loads(next(iter(state[f"{identity}:work"]["value"].values())))
    assert list(json.loads(scratch_redis.hvals(process.work_key)[0])) == list(theirs)


def test_same_seed_and_time_give_the_same_bytes(scratch_redis):
    now = time.time()
    situations.trouble(scratch_redis, now=now, scale=SCALE)
    first = load_vector.dump(scratch_redis)
    scratch_redis.flushdb()
    situations.trouble(scratch_redis, now=now, scale=SCALE)
    second = load_vector.dump(scratch_redis)
    moving = {key for key, entry in first.items() if entry["type"] == "hash" and "beat" in entry["value"]}
    assert {key for key in first if first[key]["value"] != second[key]["value"]} <= moving
    scratch_redis.flushdb()
    situations.trouble(scratch_redis, now=now, scale=SCALE, seed=2)
    assert load_vector.dump(scratch_redis)["queue:push"] != first["queue:push"]


@pytest.mark.parametrize("name", situations.SITUATIONS)
def test_every_situation_is_a_whole_instance(scratch_redis, name):
    processes = situations.SITUATIONS[name](scratch_redis, scale=SCALE)
    assert scratch_redis.smembers("queues") == {queue.encode() for queue in workers.QUEUES}
    assert int(scratch_redis.get("stat:processed")) > int(scratch_redis.get("stat:failed")) > 0
    assert scratch_redis.get(time.strftime("stat:processed:%Y-%m-%d", time.gmtime()))
    for process in processes:
        assert scratch_redis.sismember("processes", process.identity)
        assert int(scratch_redis.hget(process.identity, "busy")) == scratch_redis.hlen(process.work_key)
    assert len(neighbours.contents(scratch_redis)) == 15
    assert scratch_redis.zcard("feed:home:1") == 400
    jids = [job["jid"] for queue in workers.QUEUES for job in jobs_of(scratch_redis, f"queue:{queue}")]
    jids += [job["jid"] for key in SETS for job in jobs_of(scratch_redis, key)]
    assert len(jids) == len(set(jids)) and all(len(jid) == 24 for jid in jids)
    if name not in ("orphan_locks", "trouble"):
        assert orphans(scratch_redis) == []


def test_processes_beat_crash_and_haunt(scratch_redis):
    (process,) = situations.healthy(scratch_redis)

    def beat_of(process):
        return float(scratch_redis.hget(process.identity, "beat"))

    before = beat_of(process)
    with heartbeat.kept_alive(scratch_redis, [process], every=0.05):
        beats = set()
        wait_for("three more heartbeats", 300, lambda: beats.add(beat_of(process)) or len(beats - {before}) >= 3)
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}

    began = time.time()
    heartbeat.crashed(scratch_redis, process, ago=30)
    assert began <= beat_of(process) + 30 <= time.time()
    assert 0 < scratch_redis.pttl(process.work_key) <= 30_000
    heartbeat.crashed(scratch_redis, process, ago=61)
    assert scratch_redis.sismember("processes", process.identity) and not scratch_redis.exists(process.identity)

    heartbeat.ghost(scratch_redis, "social.example:7:0123456789ab")
    assert scratch_redis.sismember("processes", "social.example:7:0123456789ab")


USER_OF_A_SERVER = """
import sys, time
from ansible_collections.fediverse.mastodon.tests.instance import server
with server.running(port=0) as running:
    print(running.socket, flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, None])
def test_a_server_is_gone_with_its_user(number):
    user = subprocess.Popen(
        [sys.executable, "-c", USER_OF_A_SERVER, "600" if number else "0"], stdout=subprocess.PIPE, text=True
    )
    assert user.stdout
    path = pathlib.Path(user.stdout.readline().strip())
    if number:
        assert redis.Redis(unix_socket_path=str(path)).ping()
        user.send_signal(number)
    assert user.wait(120) == (-number if number else 0)
    user.stdout.close()
    deadline = time.monotonic() + 120
    while (
        path.parent.exists()
        or subprocess.run(["pgrep", "-f", str(path.parent)], stdout=subprocess.DEVNULL, check=False).returncode == 0
    ):
        assert time.monotonic() < deadline, "the server or its directory is still there"
        time.sleep(0.05)


@pytest.mark.parametrize("binary", ["redis-server", None])
def test_a_server_that_refuses_to_end_ends(binary):
    with server.running("--save", "3600 1", "--dbfilename", "no-file", binary=binary) as running:
        running.client().set("key", "value")
        (running.socket.parent / "no-file").mkdir()  # so that it cannot save, and says that it cannot exit
        number = running.client().info("server")["process_id"]
    assert not pathlib.Path(f"/proc/{number}").exists()
    assert not running.socket.parent.exists()


def test_a_server_that_does_not_start_says_why():
    with pytest.raises(server.ServerFailed, match="nonsense"), server.running("--nonsense", "1"):
        pass
    with pytest.raises(server.ServerFailed, match="no such program"), server.running(binary="no-such-server"):
        pass
