# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that are returned: plain data, each moment twice, ages in whole milliseconds."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import output
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.finding import Finding
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit.unique_locks import Lock, LockReport
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.server import build
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job_set import JobSet
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process, Work
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.queue import Queue
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.recurring import Recurring
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import Snapshot
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.stats import Counters

NOW, AT = 1795331156.428, "2026-11-22T07:05:56Z"
DELIVERY = b'{"class": "ActivityPub::DeliveryWorker", "jid": "a", "args": ["private", 1, "https://gone.example/inbox"]}'
LIVE = Process(
    "worker-1.example:1856:c98a7640857b",
    alive=True,
    hostname="worker-1.example",
    pid=1856,
    tag="live",
    version="8.1.7",
    concurrency=25,
    busy=1,
    rss_bytes=43536384,
    rtt_us=82,
    beat=NOW - 2.2,
    beat_age=2.2,
    started_at=NOW,
    queues=("push", "pull"),
    weights={"push": 6, "pull": 1},
    labels=("reliable",),
)
SNAPSHOT = Snapshot(
    taken_at=NOW,
    clock_offset=0.0,
    counters=Counters(1_283_301, 20_114),
    queues=(
        Queue("pull", 4, 41.4644, paused=True, registered=True, next_job=parse(DELIVERY)),
        Queue("lost", 3, 0.0, paused=False, registered=False, next_job=None),
    ),
    sets={
        "retry": JobSet("retry", 9, NOW, NOW + 1, 3),
        "scheduled": JobSet("scheduled", 0, None, None, 0),
        "dead": JobSet("dead", 4, NOW, math.inf, 0),
    },
    processes=(LIVE, Process("gone.example:7:0123456789ab", alive=False, hostname="gone.example", pid=7, busy=2)),
    work=(Work(LIVE.identity, "dg", "push", NOW - 72.4, 72.4004, parse(DELIVERY)),),
    schedule=(Recurring("vacuum", "sidekiq-scheduler", "Scheduler::X", "scheduler", True, None, NOW, 0.0),),
    server=build({"redis_version": "7.0.15", "role": "master"}, "3600 1"),
    locks=0,
    round_trips=3,
)
PLAIN = frozenset({str, int, float, bool, type(None)})


def plain(value):
    """Whether a value is made of JSON's own types alone, not of their subclasses."""
    kind = type(value)
    if kind in {dict}:
        return all(type(key) in {str} and plain(item) for key, item in value.items())
    return all(map(plain, value)) if kind in {list} else kind in PLAIN


def test_totals():
    assert output.totals(SNAPSHOT) == {
        "processed": 1_283_301,
        "failed": 20_114,
        "enqueued": 4,
        "retry": 9,
        "scheduled": 0,
        "dead": 4,
        "processes": 2,
        "ghosts": 1,
        "busy": 1,
        "threads": 25,
    }


def test_queues():
    pull, lost = output.queues(SNAPSHOT)
    assert pull == {
        "name": "pull",
        "size": 4,
        "latency": 41.464,
        "processes": [LIVE.identity],
        "paused": True,
        "registered": True,
    }
    assert (lost["processes"], lost["registered"], lost["latency"]) == ([], False, 0.0)


def test_sets():
    found = output.sets(SNAPSHOT)
    assert found["retry"] == {
        "size": 9,
        "oldest_at": AT,
        "oldest_epoch": NOW,
        "newest_at": "2026-11-22T07:05:57Z",
        "newest_epoch": NOW + 1,
        "due": 3,
    }
    empty = {"oldest_at": None, "oldest_epoch": None, "newest_at": None, "newest_epoch": None}
    assert found["scheduled"] == {"size": 0, **empty, "due": 0}
    assert (found["dead"]["newest_at"], found["dead"]["newest_epoch"]) == (None, None), "no JSON for infinity"


def test_processes():
    live, ghost = output.processes(SNAPSHOT)
    assert live == {
        "identity": LIVE.identity,
        "hostname": "worker-1.example",
        "pid": 1856,
        "tag": "live",
        "version": "8.1.7",
        "concurrency": 25,
        "busy": 1,
        "quiet": False,
        "rss_bytes": 43536384,
        "rtt_us": 82,
        "beat_age": 2.2,
        "started_at": AT,
        "started_epoch": NOW,
        "queues": ["push", "pull"],
        "weights": {"push": 6, "pull": 1},
        "labels": ["reliable"],
        "alive": True,
    }
    assert (ghost["alive"], ghost["beat_age"], ghost["weights"], ghost["queues"]) == (False, None, {}, [])


def test_busy():
    assert output.busy(SNAPSHOT) == [
        {
            "identity": LIVE.identity,
            "thread": "dg",
            "jid": "a",
            "class": "ActivityPub::DeliveryWorker",
            "queue": "push",
            "domain": "gone.example",
            "elapsed": 72.4,
            "run_at": "2026-11-22T07:04:44Z",
            "run_epoch": round(NOW - 72.4, 3),
        }
    ]


def test_schedule():
    assert output.schedule(SNAPSHOT) == [
        {
            "name": "vacuum",
            "source": "sidekiq-scheduler",
            "class": "Scheduler::X",
            "queue": "scheduler",
            "enabled": True,
            "last_at": None,
            "last_epoch": None,
            "next_at": AT,
            "next_epoch": NOW,
            "overdue_by": 0.0,
        }
    ]


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([], {"total": 0, "oldest_at": None, "oldest_epoch": None, "oldest_age": None}),
        ([NOW - 37.6], {"total": 1, "oldest_at": "2026-11-22T07:05:18Z", "oldest_age": 37.6}),
        ([NOW - 1, NOW - 5, None], {"total": 3, "oldest_age": 5.0}),
        ([None], {"total": 1, "oldest_at": None, "oldest_age": None}),
        ([NOW + 60], {"total": 1, "oldest_age": 0.0}),
    ],
)
def test_locks(moments, expected):
    locks = tuple(Lock(f"{n}:RUN", {"a": at}, runtime=True, outlives=False) for n, at in enumerate(moments))
    found = output.locks(LockReport(locks, locks[1:]), NOW)
    assert {key: found[key] for key in expected} == expected
    assert (found["runtime"], found["orphaned"]) == (len(locks), len(locks[1:]))


def test_redis():
    assert SNAPSHOT.server is not None
    found = output.redis(SNAPSHOT.server)
    assert (found["product"], found["version"], found["role"]) == ("redis", "7.0.15", "master")
    assert found["persistence"] == {"rdb": True, "rdb_last_save_ok": None, "aof": None, "aof_last_write_ok": None}


def test_finding():
    found = Finding("no_process", "critical", "processes", "No process.", "Start one.", {"ghosts": 1})
    assert output.finding(found) == dataclasses.asdict(found)


def test_all_of_it_is_plain_data_without_arguments():
    whole = [getattr(output, name)(SNAPSHOT) for name in ("totals", "queues", "sets", "processes", "busy", "schedule")]
    assert plain(whole)
    assert "private" not in json.dumps(whole, allow_nan=False)
