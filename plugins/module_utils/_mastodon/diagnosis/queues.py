# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Rules about queues: too long, too late, served by nobody."""

from __future__ import annotations

import typing as t

from ..._sidekiq.humanize import duration
from ..jobs.worker_classes import QUEUES
from .finding import Finding
from .view import RESTART, View, is_plain, jobs, most, numbers, runbook, task


def queue_backlog(view: View) -> t.Iterator[Finding]:
    """A queue is too long or its next job waits too long; one finding for both."""
    limits = view.limits
    for queue in view.snapshot.queues or ():
        allowed = limits.latency(queue.name)
        late, long = queue.latency > allowed, queue.size > limits.queue_size_warning
        if not (late or long):
            continue
        critical = (
            queue.latency > allowed * limits.queue_latency_critical_factor or queue.size > limits.queue_size_critical
        )
        classes = view.survey.queue_classes.get(queue.name)
        holds = f"; mostly {most(classes, 2)}" if classes else ""
        yield Finding(
            "queue_late" if late else "queue_long",
            "critical" if critical else "warning",
            f"queue {queue.name}",
            f"{jobs(queue.size)}; the next one has waited {duration(queue.latency)} (limit {duration(allowed)}){holds}.",
            "Look at what holds the threads first (findings about jobs and domains). If the jobs are wanted, workers for a time:"
            f" {runbook('backlog_recovery')}. For good: a process that serves only this queue (fediverse.mastodon.workers), not more"
            " threads in the old one.",
            {
                "size": queue.size,
                "latency": queue.latency,
                "limit": allowed,
                "classes": dict(classes.most_common(5)) if classes else {},
            },
        )


def queue_unserved(view: View) -> t.Iterator[Finding]:
    """Jobs in a queue that no live process takes from; or a queue of Mastodon that none would take from."""
    if not view.snapshot.alive:
        return  # said once by the rule about processes
    expected = {*QUEUES, *(["fasp"] if _has_fasp(view) else [])} - {"scheduler"}
    sizes = {queue.name: queue.size for queue in view.snapshot.queues or ()}
    for name in sorted(expected | {queue for queue, count in sizes.items() if count}):
        if name == "scheduler" or view.snapshot.serving(name):
            continue
        waiting = sizes.get(name, 0)
        own = name in expected
        yield Finding(
            "queue_unserved",
            "critical" if own and (waiting or name != "fasp") else "warning",
            f"queue {name}",
            f"No live process serves this queue; {jobs(waiting)} wait{'s' if waiting == 1 else ''} in it.",
            f"Declare a process that serves it (fediverse.mastodon.workers), or add -q {name} to the ExecStart of a Sidekiq unit, then {RESTART}."
            if own
            else f"Mastodon has no such queue. Serve it if it is yours, or {_moved(name)}.",
            {"size": waiting, "served_by": []},
        )


def _moved(name: str) -> str:
    """How to move the jobs of a queue. Anybody can make one, and a name with blanks, quotes or a $ does not go into a command."""
    if not is_plain(name):
        return "move its jobs with sidekiq_job by their class or jid: its name cannot be written in a command"
    return f"move its jobs: {task('sidekiq_job', f'state=moved queues={name} all=true to_queue=default')}"


def scheduler_queue(view: View) -> t.Iterator[Finding]:
    """The queue `scheduler` must be served by exactly one process: with none nothing recurs, with two it recurs twice."""
    if not view.snapshot.alive:
        return
    serving = view.snapshot.serving("scheduler")
    if not serving:
        yield Finding(
            "scheduler_unserved",
            "critical",
            "queue scheduler",
            "No live process serves scheduler: scheduled posts, trends and all clean-ups stand still.",
            f"Add -q scheduler to the ExecStart of exactly one Sidekiq unit, then {RESTART}.",
            {"served_by": []},
        )
    elif len(serving) > 1:
        yield Finding(
            "scheduler_duplicated",
            "warning",
            "queue scheduler",
            f"{len(serving)} processes serve scheduler: recurring jobs are enqueued once by each of them.",
            f"Leave -q scheduler in exactly one Sidekiq unit (template instances count each), then {RESTART}.",
            {"served_by": [process.identity for process in serving]},
        )


def queue_unregistered(view: View) -> t.Iterator[Finding]:
    """Jobs in a list that the registry does not name: Sidekiq's Web UI and API do not see them, though they are worked off."""
    for queue in view.snapshot.queues or ():
        if not queue.registered:
            yield Finding(
                "queue_unregistered",
                "notice",
                f"queue {queue.name}",
                f"{jobs(queue.size)} that the Web UI does not show: the queue is missing in the registry.",
                "Nothing to do while it is served: the next job that is enqueued registers it again.",
                {"size": queue.size},
            )


def queue_paused(view: View) -> t.Iterator[Finding]:
    """A paused queue (Sidekiq Pro pauses; OSS shows it) with jobs in it."""
    for queue in view.snapshot.queues or ():
        if queue.paused and queue.size:
            yield Finding(
                "queue_paused",
                "warning",
                f"queue {queue.name}",
                f"Paused, with {jobs(queue.size)} in it.",
                _unpaused(queue.name),
                {"size": queue.size},
            )


def _unpaused(name: str) -> str:
    where = "unpause it where it was paused"
    return (
        f"If it should run: redis-cli SREM paused {name}, or {where}."
        if is_plain(name)
        else f"If it should run, {where}."
    )


def _has_fasp(view: View) -> bool:
    versions = [numbers(process.version) for process in view.snapshot.alive]
    return bool(versions) and all(version[:1] >= (7,) for version in versions)
