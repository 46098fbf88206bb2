# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job that real Sidekiq has fetched since its last heartbeat is in no list, and yet it is not gone."""

from __future__ import annotations

import json
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import killed_jobs
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state import heartbeats
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Work
from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import sidekiq
from ansible_collections.fediverse.mastodon.tests.redis import modules
from ansible_collections.fediverse.mastodon.tests.redis.waiting import wait_for

DIGEST = "uniquejobs:0123456789abcdef0123456789abcdef"
CLASS = "ActivityPub::DeliveryWorker"


@pytest.fixture
def process(live, tmp_path):
    """A Sidekiq on an empty Redis."""
    live.client.flushall()
    with sidekiq(live.release, live.url, tmp_path, ["push"], concurrency=5) as running:
        yield running


def begin_between_heartbeats(live, process, order, count=1):
    """Push jobs right after a heartbeat; once all have left their queue, return their jids. No list has them then."""
    client, name = live.client, process.identity

    def beat():
        return client.hget(name, "beat")

    last = beat()
    wait_for("a heartbeat", 300, lambda: beat() != last)
    last = beat()
    jids = [live.judge.push(CLASS, "{}", number, "https://gone.example/inbox", order) for number in range(count)]
    wait_for("all have left their queue", 300, lambda: not client.llen("queue:push"))
    assert (beat(), client.exists(f"{name}:work", f"{name}:workers")) == (last, 0), "a heartbeat came too early"
    return jids


def lock(client, jid):
    """The keys of sidekiq-unique-jobs for a lock that was taken when the job was pushed, an hour ago."""
    taken = time.time() - 3600
    client.hset(f"{DIGEST}:LOCKED", jid, repr(taken))
    client.zadd("uniquejobs:digests", {DIGEST: taken})


def test_the_lock_of_a_job_that_has_just_begun_is_kept(live, process):
    [jid] = begin_between_heartbeats(live, process, "lab:sleep 60")
    lock(live.client, jid)
    impatient = modules.run("sidekiq_lock", redis_url=live.url, heartbeat_timeout="0s")
    assert (impatient["freed"], impatient["kept"]) == (0, {"uncertain": 1})
    assert impatient["silent_processes"] == [process.identity]
    result = modules.run("sidekiq_lock", redis_url=live.url)
    assert (result["freed"], result["kept"], result["changed"]) == (0, {"live": 1}, False)
    assert live.client.exists(f"{DIGEST}:LOCKED")


def test_it_is_no_finding_either(live, process):
    [jid] = begin_between_heartbeats(live, process, "lab:sleep 60")
    lock(live.client, jid)
    health = modules.run("sidekiq_health_info", redis_url=live.url)
    assert "locks_orphaned" not in [found["id"] for found in health["findings"]]
    info = modules.run("sidekiq_info", redis_url=live.url, sections=["locks"], heartbeat_timeout=0)
    assert (info["locks"]["orphaned"], info["locks"]["uncertain"]) == (0, 0), "its process has said by now that it runs"


def test_a_lock_without_a_job_is_freed_once_all_have_said_what_they_run(live, process):
    lock(live.client, "0" * 24)
    health = modules.run("sidekiq_health_info", redis_url=live.url)
    assert "locks_orphaned" in [found["id"] for found in health["findings"]]
    for check_mode in (True, False):
        result = modules.run("sidekiq_lock", check_mode, redis_url=live.url)
        assert (result["freed"], result["kept"], result["silent_processes"]) == (1, {}, [])
    assert not live.client.exists(f"{DIGEST}:LOCKED")


def test_a_process_that_hangs_stays_silent(live, process):
    process.freeze()
    began = time.monotonic()
    assert heartbeats.wait_for_heartbeats(live.client, Keys(""), 3.0) == (process.identity,)
    assert time.monotonic() - began >= 3.0
    assert heartbeats.wait_for_heartbeats(live.client, Keys(""), 3.0, but=[process.identity]) == ()


def test_outcomes_are_known_when_each_job_has_ended(live, process):
    """Two that fail after a while, and some that succeed; none of them is in any list at first."""
    since = time.time()
    failing = begin_between_heartbeats(live, process, f"lab:timeout {1.5 * live.release.beat} Net::OpenTimeout", 2)
    others = [live.judge.push(CLASS, "{}", number, "https://gone.example/inbox") for number in range(3)]
    until = [{"jids": [*failing, *others], "since": since}]
    result = modules.run("sidekiq_wait", redis_url=live.url, until=until, timeout="2m", interval="1s")
    [one] = result["conditions"]
    assert result["met"], result
    assert {name: number for name, number in one["outcomes"].items() if number} == {"finished": 3, "failed": 2}
    assert sorted(json.loads(raw)["jid"] for raw in live.client.zrange("retry", 0, -1)) == sorted(failing)


def test_one_that_runs_for_longer_is_no_outcome(live, process):
    [jid] = begin_between_heartbeats(live, process, "lab:hang")
    result = modules.run(
        "sidekiq_wait", redis_url=live.url, until=[{"jids": [jid]}], timeout=f"{2.5 * live.release.beat}s"
    )
    assert result.get("failed") and not result["met"], result
    assert result["conditions"][0]["outcomes"]["running"] == 1, result


def test_a_job_that_another_process_has_just_fetched_is_not_restored(live, process, tmp_path):
    """Its own process was killed and recorded; Sidekiq pushed it back before, or a restore did."""
    gone = "gone.example:1:0123456789ab"
    [jid] = begin_between_heartbeats(live, process, "lab:sleep 60")
    jobs = [
        parse(json.dumps({"class": CLASS, "jid": name, "args": [], "queue": "push"}).encode())
        for name in (jid, "0" * 24)
    ]
    works = [Work(gone, str(number), "push", 0.0, 1.0, job) for number, job in enumerate(jobs)]
    stop = killed_jobs.Stop(gone, "", "restore", "", None)
    _stop, archive = killed_jobs.record(live.client, Keys(), str(tmp_path), "test", time.time(), works, stop)
    archive.close()
    task = {"redis_url": live.url, "path": str(archive.path)}
    assert modules.run("sidekiq_archive", check_mode=True, **task)["restored"] == 1
    assert modules.run("sidekiq_archive", **task)["restored"] == 1
