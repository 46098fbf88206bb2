# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The made-up instance is what it says, compared with recorded jobs and locks; Ruby reads it in tests/conformance."""

from __future__ import annotations

import collections
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
    fill,
    heartbeat,
    locks,
    neighbours,
    recurring,
    server,
    situations,
    workers,
)
from ansible_collections.fediverse.mastodon.tests.instance.activities import DEAD_DOMAIN
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


def test_healthy_is_healthy(scratch_redis):
    now = time.time()
    situations.healthy(scratch_redis, now=now)
    assert [scratch_redis.llen(f"queue:{queue}") for queue in ("default", "push", "ingress")] == [0, 0, 0]
    for key in ("retry", "schedule"):
        assert scratch_redis.zcount(key, "-inf", now + 240) == 0 < scratch_redis.zcard(key)
    assert all(since >= int(now) - 1 for _job, since in running_jobs(scratch_redis))
    assert scratch_redis.zcount("dead", now - workers.DAY, "+inf") == 0
    assert set(next_times(scratch_redis, now)) == {False}


def next_times(client, now):
    """For each recurring job whether its next time has passed."""
    times = [value.decode() for value in client.hvals("sidekiq-scheduler:next_times")]
    assert len(times) == client.hlen("schedules") == len(recurring.RECURRING)
    return [text < time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime(now)) for text in times]


def test_stuck_export(scratch_redis):
    situations.stuck_export(scratch_redis, scale=SCALE)
    exports = [job for job in jobs_of(scratch_redis, "retry") if job["class"] == "BackupWorker"]
    counted = collections.Counter((job["args"][0], job["error_class"]) for job in exports)
    assert counted == {
        (situations.FAILING_EXPORT, "Errno::ENOSPC"): 1,
        (situations.REPEATED_EXPORT, "Seahorse::Client::NetworkingError"): 3,
    }
    assert all(job["error_backtrace"] and job["dead"] is False for job in exports)
    oldest_first = list(reversed(jobs_of(scratch_redis, "queue:pull")))
    (position,) = (number for number, job in enumerate(oldest_first) if job["class"] == "BackupWorker")
    assert oldest_first[position]["args"] == [situations.WAITING_EXPORT]
    assert {job["class"] for job in oldest_first[:position]} == {"ActivityPub::LowPriorityDeliveryWorker"}
    assert position == situations.LOW_PRIORITY_AHEAD * SCALE


def test_dead_domain(scratch_redis):
    now = time.time()
    (process,) = situations.dead_domain(scratch_redis, scale=SCALE, now=now)
    held = [now - since for job, since in running_jobs(scratch_redis) if f"https://{DEAD_DOMAIN}/inbox" in job["args"]]
    assert (len(held), len(process.running), process.concurrency) == (24, 25, 25)
    assert min(held) == pytest.approx(300, abs=2) and max(held) == pytest.approx(2400, abs=2)
    retries = jobs_of(scratch_redis, "retry")
    dead = [job["error_class"] for job in retries if f"https://{DEAD_DOMAIN}/inbox" in job["args"]]
    assert collections.Counter(dead) == {"HTTP::TimeoutError": 40, "HTTP::ConnectionError": 20}
    assert len(retries) - len(dead) == 16 + 24
    assert sum(f"https://{DEAD_DOMAIN}/inbox" in job["args"] for job in jobs_of(scratch_redis, "queue:push")) == 80
    assert all(job["failed_at"] <= job["retried_at"] <= now * 1000 for job in retries)


def test_backlog(scratch_redis):
    now = time.time()
    situations.backlog(scratch_redis, scale=SCALE, now=now)
    for queue, full in situations.BACKLOG.items():
        jobs = jobs_of(scratch_redis, f"queue:{queue}")
        times = [job["enqueued_at"] / 1000 for job in jobs]
        assert len(jobs) == full * SCALE
        assert times == sorted(times, reverse=True), "the newest lies at the head"
        assert (now - times[-1], now - times[0]) == pytest.approx((2400, 0), abs=0.01)
        assert {job["class"] for job in jobs} <= set(workers.SHARES[queue])
    sizes = [scratch_redis.lindex("queue:push", number) for number in range(100)]
    assert 900 < sum(map(len, sizes)) / len(sizes) < 1500


def test_schedule_stuck(scratch_redis):
    now = time.time()
    situations.schedule_stuck(scratch_redis, now=now)
    assert scratch_redis.zcount("schedule", "-inf", now) == situations.OVERDUE_SCHEDULED
    assert scratch_redis.zrange("schedule", 0, 0, withscores=True)[0][1] == pytest.approx(now - 3600)
    assert scratch_redis.zcount("retry", "-inf", now) == 6
    assert next_times(scratch_redis, now).count(True) == sum(entry.period <= 3600 for entry in recurring.RECURRING) == 9
    with_hash = [identity for identity in scratch_redis.smembers("processes") if scratch_redis.exists(identity)]
    assert (scratch_redis.scard("processes"), len(with_hash)) == (2, 1)


def test_orphan_locks(scratch_redis):
    situations.orphan_locks(scratch_redis)
    assert len(orphans(scratch_redis)) == situations.ORPHANED_LOCKS
    assert scratch_redis.zcard("uniquejobs:digests") == situations.ORPHANED_LOCKS + 16
    for digest in scratch_redis.zrange("uniquejobs:digests", 0, -1):
        assert scratch_redis.pttl(digest + b":LOCKED") > 0
        assert scratch_redis.hkeys(digest + b":LOCKED") == [scratch_redis.get(digest)]


def test_width_for_benchmarks(scratch_redis):
    processes = situations.queues_and_processes(scratch_redis, queues=50, processes=20, jobs=3, busy=4)
    assert scratch_redis.scard("queues") == len(list(scratch_redis.scan_iter("queue:*", count=1000))) == 50
    assert scratch_redis.scard("processes") == len(processes) == 20
    assert {scratch_redis.hlen(process.work_key) for process in processes} == {4}
    scratch_redis.flushdb()
    assert len(situations.queues_and_processes(scratch_redis, queues=7, processes=1)) == 1
    assert scratch_redis.smembers("queues") == {queue.encode() for queue in workers.QUEUES}


def test_queue_of_pushes_many_jobs_with_each_command(scratch_redis):
    scratch_redis.config_resetstat()
    fill.queue_of(scratch_redis, 50_000, "push")
    assert scratch_redis.info("commandstats")["cmdstat_lpush"]["calls"] <= 500
    assert scratch_redis.llen("queue:push") == 50_000


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
