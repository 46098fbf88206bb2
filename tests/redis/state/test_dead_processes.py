# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that crashed and was started again: two heartbeats of one host name and pid, of which only the newer one lives.

The heartbeat of the older process is there for 60 s. Nothing may count its threads and jobs as if it ran.
"""

from __future__ import annotations

import time

import pytest

from ansible_collections.fediverse.mastodon.tests.instance.heartbeat import Process, Running, crashed, kept_alive, write
from ansible_collections.fediverse.mastodon.tests.redis.looking import health, info
from ansible_collections.fediverse.mastodon.tests.redis.modules import run

HOST = "7207be031381"
OLDER, NEWER = f"{HOST}:1:0123456789ab", f"{HOST}:1:ba9876543210"


def delivery(number: int) -> dict[str, object]:
    arguments = ["{}", number, "https://gone.example/inbox"]
    return {"class": "ActivityPub::DeliveryWorker", "queue": "push", "jid": f"{number:024x}", "args": arguments}


@pytest.fixture
def crash(scratch_redis):
    """Every thread of the older process held a job for an hour; the newer one runs a single short one."""
    now = time.time()
    held = tuple(Running(delivery(number), now - 3600) for number in range(25))
    crashed(scratch_redis, Process(OLDER, now - 7200, held, version="7.3.2"), ago=20.0)
    write(scratch_redis, Process(NEWER, now - 10, (Running(delivery(99), now - 1),)))
    return scratch_redis


def test_threads_and_jobs_are_counted_once(crash):
    found = info(crash)
    assert {name: found["totals"][name] for name in ("processes", "ghosts", "busy", "threads")} == {
        "processes": 2,
        "ghosts": 1,
        "busy": 1,
        "threads": 25,
    }
    assert {process["identity"]: process["alive"] for process in found["processes"]} == {OLDER: False, NEWER: True}
    assert {job["identity"] for job in found["busy"]} == {NEWER}
    assert all(queue["processes"] in ([], [NEWER]) for queue in found["queues"])


def test_all_that_it_adds_to_a_report_is_that_it_is_dead(crash):
    """No second scheduler, no thread that is held, no job that runs for too long, no server that holds threads, no second release."""
    findings = health(crash)["findings"]
    crash.srem("processes", OLDER)
    without = [(finding["id"], finding["subject"]) for finding in health(crash)["findings"]]
    (finding,) = [finding for finding in findings if (finding["id"], finding["subject"]) not in without]
    assert len(findings) == len(without) + 1
    assert (finding["id"], finding["evidence"]["processes"]) == ("ghost_processes", [OLDER])
    assert "names 25 jobs that ran" in finding["summary"] and "same host name and pid" in finding["summary"]
    assert OLDER in finding["fix"]


def test_two_processes_that_both_send_heartbeats_are_two(scratch_redis):
    """Containers of two machines may have one host name."""
    now = time.time()
    write(scratch_redis, Process(OLDER, now - 7200))
    write(scratch_redis, Process(NEWER, now - 100))
    assert info(scratch_redis)["totals"]["threads"] == 50
    assert "scheduler_duplicated" in [finding["id"] for finding in health(scratch_redis)["findings"]]


@pytest.mark.parametrize(
    ("until", "met"),
    [
        ({"busy": 1}, True),
        ({"busy": 0}, False),
        ({"processes": 1}, True),
        ({"processes": 2}, False),
        ({"gone": OLDER}, True),
        ({"gone": NEWER}, False),
    ],
)
def test_a_wait_does_not_count_the_dead_one(crash, redis_process, until, met):
    found = run("sidekiq_wait", check_mode=True, redis_url=redis_process.url, until=[until])
    assert [one["observed"] is not None and one["met"] for one in found["conditions"]] == [met]


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_it_ran_can_be_restored_until_its_heartbeat_expires(crash, redis_process, tmp_path, check_mode):
    options = {"redis_url": redis_process.url, "identities": [OLDER], "archive_dir": str(tmp_path)}
    refused = run("sidekiq_process", check_mode=check_mode, state="absent", **options)
    assert "state: stopped restores these jobs" in refused["msg"]
    crash.pexpire(OLDER, 500)  # as if it had died almost a minute ago
    with kept_alive(crash, [Process(NEWER, time.time() - 10)], every=0.2):
        stopped = run("sidekiq_process", check_mode=check_mode, state="stopped", **options)
    assert stopped["changed"]
    if not check_mode:
        assert (stopped["restored"], stopped["lost"], crash.llen("queue:push")) == (25, 0, 25)
        assert [process["identity"] for process in info(crash)["processes"]] == [NEWER]


def test_nobody_quiets_the_dead(crash, redis_process):
    found = run("sidekiq_process", check_mode=True, redis_url=redis_process.url, state="quiet", identities=[OLDER])
    assert not found["changed"]
