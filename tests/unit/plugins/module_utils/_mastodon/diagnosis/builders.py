# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A healthy instance as values, and its parts with something changed."""

from __future__ import annotations

import itertools
import json
import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.finding import Finding
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.survey import Survey
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.thresholds import Thresholds
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.view import Rule, View
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.server import Server, build
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import Job, parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job_set import JobSet
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process, Work
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.queue import Queue
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.recurring import Recurring
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import Snapshot
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.stats import Counters

NOW = 1795331156.0
UNIT = "mastodon-sidekiq.service"
IDENTITY = "social.example:2210:c98a7640857b"
NAMES = ("default", "push", "ingress", "mailers", "pull", "scheduler", "fasp")
DELIVERY = "ActivityPub::DeliveryWorker"

_numbers = itertools.count()


def job(worker: str | None = "FeedInsertWorker", args: t.Sequence[t.Any] = (), **fields: t.Any) -> Job:
    payload = {"class": worker, "args": list(args), "jid": f"{next(_numbers):024x}", "queue": "default", **fields}
    return parse(json.dumps(payload).encode())


def delivery(domain: str, **fields: t.Any) -> Job:
    return job(DELIVERY, ["{}", 1, f"https://{domain}/inbox", {}], queue="push", **fields)


def process(identity: str = IDENTITY, **fields: t.Any) -> Process:
    healthy: dict[str, t.Any] = {
        "alive": True,
        "hostname": "social.example",
        "pid": 2210,
        "version": "8.1.7",
        "concurrency": 25,
        "rss_bytes": 400 * 1024**2,
        "beat": NOW - 2,
        "beat_age": 2.0,
        "queues": NAMES,
    }
    return Process(identity, **{**healthy, **fields})


def ghost(identity: str = "social.example:7:0123456789ab") -> Process:
    return Process(identity, alive=False)


def work(running: Job | None = None, elapsed: float | None = 1.0, identity: str = IDENTITY) -> Work:
    running = job() if running is None else running
    run_at = None if elapsed is None else NOW - elapsed
    return Work(identity, f"{next(_numbers):x}", running.queue, run_at, elapsed, running)


def queue(name: str = "default", size: int = 0, latency: float = 0.0, **fields: t.Any) -> Queue:
    return Queue(name, size, latency, **{"paused": False, "registered": True, "next_job": None, **fields})


def job_set(name: str, size: int = 0, oldest_at: float | None = None, due: int = 0) -> JobSet:
    return JobSet(name, size, oldest_at, oldest_at, due)


def recurring(name: str, overdue_by: float = 0.0) -> Recurring:
    return Recurring(
        name, "sidekiq-scheduler", "Scheduler::X", "scheduler", True, NOW - 60, NOW - overdue_by, overdue_by
    )


def server(**changes: t.Any) -> Server:
    healthy = build(
        {
            "redis_version": "7.2.4",
            "role": "master",
            "used_memory": 100 * 1024**2,
            "maxmemory": 0,
            "maxmemory_policy": "noeviction",
            "evicted_keys": 0,
            "rdb_last_bgsave_status": "ok",
            "aof_enabled": 0,
            "aof_last_write_status": "ok",
        },
        "3600 1",
    )
    return Server(**{**vars(healthy), **changes})


def view(survey: Survey | None = None, limits: dict[str, t.Any] | None = None, **parts: t.Any) -> View:
    """A healthy instance but for the parts that are given."""
    healthy: dict[str, t.Any] = {
        "taken_at": NOW,
        "clock_offset": 0.0,
        "counters": Counters(1_283_301, 20_114),
        "queues": tuple(queue(name) for name in NAMES),
        "sets": {name: job_set(name) for name in ("retry", "scheduled", "dead")},
        "processes": (process(),),
        "work": (work(),),
        "schedule": (recurring("vacuum_scheduler"),),
        "server": server(),
        "locks": 0,
        "round_trips": 3,
    }
    snapshot = Snapshot(**{**healthy, **parts})
    return View(snapshot, survey or Survey(), Thresholds(**(limits or {})), UNIT)


def finds(rule: Rule, seen: View) -> list[tuple[str, str]]:
    """The severities and ids of what a rule finds."""
    return [(finding.severity, finding.id) for finding in rule(seen)]


def one(rule: Rule, seen: View) -> Finding:
    """The only thing that a rule finds."""
    (finding,) = rule(seen)
    return finding
