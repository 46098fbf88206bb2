# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The shapes in which modules return what Sidekiq keeps: plain data, strict UTF-8, no job arguments.

Moments are ISO 8601 in UTC (`*_at`) with the epoch seconds beside them (`*_epoch`); ages are seconds.
"""

from __future__ import annotations

import typing as t

from .._mastodon.jobs.worker_classes import remote_domain
from .._sidekiq.text import printable
from .._sidekiq.times import iso

if t.TYPE_CHECKING:
    from .._mastodon.diagnosis.finding import Finding
    from .._sidekiq.edit.unique_locks import LockReport
    from .._sidekiq.redis.server import Server
    from .._sidekiq.state.job_set import JobSet
    from .._sidekiq.state.process import Process, Work
    from .._sidekiq.state.queue import Queue
    from .._sidekiq.state.recurring import Recurring
    from .._sidekiq.state.snapshot import Snapshot

Shape = dict[str, t.Any]


def totals(snapshot: Snapshot) -> Shape:
    """The figures of `Sidekiq::Stats`, and how many processes are ghosts."""
    counters, sets = snapshot.counters, snapshot.sets or {}
    return {
        "processed": counters.processed if counters else 0,
        "failed": counters.failed if counters else 0,
        "enqueued": snapshot.enqueued,
        "retry": sets["retry"].size,
        "scheduled": sets["scheduled"].size,
        "dead": sets["dead"].size,
        "processes": len(snapshot.processes or ()),
        "ghosts": len(snapshot.ghosts),
        "busy": sum(process.busy for process in snapshot.alive),
        "threads": sum(process.concurrency for process in snapshot.alive),
    }


def queues(snapshot: Snapshot) -> list[Shape]:
    """Queues by name."""
    return [_queue(queue, snapshot) for queue in snapshot.queues or ()]


def _queue(queue: Queue, snapshot: Snapshot) -> Shape:
    return {
        "name": queue.name,
        "size": queue.size,
        "latency": _age(queue.latency),
        "processes": [process.identity for process in snapshot.serving(queue.name)],
        "paused": queue.paused,
        "registered": queue.registered,
    }


def sets(snapshot: Snapshot) -> Shape:
    """The sorted sets by name."""
    return {name: _set(found) for name, found in (snapshot.sets or {}).items()}


def _set(job_set: JobSet) -> Shape:
    return {
        "size": job_set.size,
        **_moment("oldest", job_set.oldest_at),
        **_moment("newest", job_set.newest_at),
        "due": job_set.due,
    }


def processes(snapshot: Snapshot) -> list[Shape]:
    """Processes by identity, dead ones too."""
    return [_process(process) for process in snapshot.processes or ()]


def _process(process: Process) -> Shape:
    return {
        "identity": process.identity,
        "hostname": process.hostname,
        "pid": process.pid,
        "tag": process.tag,
        "version": process.version,
        "concurrency": process.concurrency,
        "busy": process.busy,
        "quiet": process.quiet,
        "rss_bytes": process.rss_bytes,
        "rtt_us": process.rtt_us,
        "beat_age": _age(process.beat_age),
        **_moment("started", process.started_at),
        "queues": list(process.queues),
        "weights": dict(process.weights or {}),
        "labels": list(process.labels),
        "alive": process.alive,
    }


def busy(snapshot: Snapshot) -> list[Shape]:
    """Running jobs of live processes, the longest first."""
    return [_work(work) for work in snapshot.running]


def _work(work: Work) -> Shape:
    return {
        "identity": work.identity,
        "thread": work.thread,
        "jid": work.job.jid,
        "class": work.job.display_class,
        "queue": work.queue,
        "domain": remote_domain(work.job),
        "elapsed": _age(work.elapsed),
        **_moment("run", work.run_at),
    }


def schedule(snapshot: Snapshot) -> list[Shape]:
    """Recurring jobs by name."""
    return [_recurring(job) for job in snapshot.schedule or ()]


def _recurring(job: Recurring) -> Shape:
    return {
        "name": job.name,
        "source": job.source,
        "class": job.worker_class,
        "queue": job.queue,
        "enabled": job.enabled,
        **_moment("last", job.last_at),
        **_moment("next", job.next_at),
        "overdue_by": _age(job.overdue_by),
    }


def locks(report: LockReport, now: float) -> Shape:
    """Unique locks. `now` in epoch seconds."""
    taken = [lock.locked_at for lock in report.locks if lock.locked_at is not None]
    oldest = min(taken) if taken else None
    return {
        "total": len(report.locks),
        "runtime": sum(1 for lock in report.locks if lock.runtime),
        "orphaned": len(report.orphaned),
        "uncertain": len(report.uncertain),
        **_moment("oldest", oldest),
        "oldest_age": None if oldest is None else _age(max(0.0, now - oldest)),
    }


def redis(server: Server) -> Shape:
    """Redis itself; null where it does not tell."""
    return {
        "product": server.product,
        "version": server.version,
        "role": server.role,
        "master_link": server.master_link,
        "loading": server.loading,
        "uptime": server.uptime,
        "used_memory": server.used_memory,
        "maxmemory": server.maxmemory,
        "system_memory": server.system_memory,
        "eviction_policy": server.eviction_policy,
        "evicted_keys": server.evicted_keys,
        "persistence": {
            "rdb": server.rdb_enabled,
            "rdb_last_save_ok": server.rdb_last_save_ok,
            "aof": server.aof_enabled,
            "aof_last_write_ok": server.aof_last_write_ok,
        },
        "clients": server.clients,
        "maxclients": server.maxclients,
        "blocked_clients": server.blocked_clients,
    }


def finding(found: Finding) -> Shape:
    """A finding of the health rules."""
    return {
        "id": found.id,
        "severity": found.severity,
        "subject": found.subject,
        "summary": printable(found.summary),
        "evidence": dict(found.evidence),
        "fix": printable(found.fix),
    }


def _moment(name: str, seconds: float | None) -> Shape:
    at = iso(seconds)
    return {f"{name}_at": at, f"{name}_epoch": None if at is None or seconds is None else round(seconds, 3)}


def _age(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
