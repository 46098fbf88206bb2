# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What is to be done about a backlog: the only place that decides it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._sidekiq.globs import glob_matcher
from ..jobs.names import is_taken
from ..jobs.worker_classes import LONG_RUNNING, can_be_served
from .flow import Flow, Snapshot

SCHEDULER: t.Final = "scheduler"


@dataclass(frozen=True)
class Marks:
    """A queue is behind from `high` waiting jobs on, or when its next job has waited for `latency` seconds.

    `acceptable_delay`: a backlog that will be gone within so many seconds is left to itself. A job is stuck after `stuck_after` seconds.
    `due_late`: a job of the retry or scheduled set that is due for so many seconds is not polled.
    """

    high: int = 1000
    low: int = 100
    latency: float = 300
    acceptable_delay: float = 600
    stuck_after: float = 1800
    due_late: float = 60


def behind(queues: t.Iterable[t.Mapping[str, t.Any]], marks: Marks) -> list[dict[str, t.Any]]:
    """The queues that are behind, the longest first, with the reason."""
    found = []
    for queue in queues:
        late = queue["latency"] > marks.latency and queue["size"] > 0
        if queue["size"] < marks.high and not late:
            continue
        if not queue["processes"]:
            why = "no process serves it"
        elif queue.get("paused"):
            why = "it is paused"
        else:
            why = "its next job has waited too long" if queue["size"] < marks.high else "too many jobs wait"
        found.append({"name": queue["name"], "size": queue["size"], "latency": queue["latency"], "why": why})
    return sorted(found, key=lambda queue: -queue["size"])


def stuck(
    busy: t.Iterable[t.Mapping[str, t.Any]], marks: Marks, patient: t.Sequence[str] = LONG_RUNNING
) -> list[dict[str, t.Any]]:
    """Running jobs that hold a thread for too long; classes (patterns) that may run for hours are none."""
    keep = ("identity", "class", "queue", "domain", "elapsed", "jid")
    may_run_long = glob_matcher(patient)
    return [
        {name: job[name] for name in keep}
        for job in busy
        if job["elapsed"] > marks.stuck_after and not may_run_long(job["class"] or "")
    ]


def unpolled(after: Snapshot, marks: Marks, before: Snapshot | None = None) -> list[dict[str, t.Any]]:
    """Sets whose jobs are due and are not moved into their queues; nothing if the snapshot has no sets.

    A set from which jobs were moved since `before` is polled, however many jobs of it are still due.
    """
    found = []
    for name in ("retry", "scheduled"):
        jobs = (after.get("sets") or {}).get(name) or {}
        earlier = ((before or {}).get("sets") or {}).get(name) or {}
        if not jobs.get("due") or _moves(earlier, jobs):
            continue
        if after["taken_epoch"] - jobs["oldest_epoch"] > marks.due_late:
            late = int(after["taken_epoch"] - jobs["oldest_epoch"])
            found.append({"set": name, "due": jobs["due"], "overdue_by": late})
    return found


def _moves(earlier: t.Mapping[str, t.Any], later: t.Mapping[str, t.Any]) -> bool:
    """Whether jobs have left a set: the poller takes the oldest first, and several may have the same time."""
    if not earlier.get("due"):
        return False
    return bool(later["oldest_epoch"] > earlier["oldest_epoch"] or later["due"] < earlier["due"])


def asleep(processes: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    """The living processes, if all of them are quiet: then nobody takes jobs or polls, and none of them ever will again."""
    living = [process for process in processes if process["alive"]]
    return sorted(process["identity"] for process in living) if all(process["quiet"] for process in living) else []


def decide(flow: Flow, after: Snapshot, marks: Marks, before: Snapshot | None = None) -> dict[str, t.Any]:
    """What is behind, whether more threads are wanted and for which queues, what is stuck, asleep, and not polled.

    `skipped`: queues and processes with names that no module takes; `queues_behind` and `stuck_processes` are without them.
    `undrainable`: queues that want more threads, with names for which no unit can be started.
    """
    late = behind(after["queues"], marks)
    eta = flow.to_empty()
    slow = bool(late) and (eta is None or eta > marks.acceptable_delay)
    held = stuck(after["busy"], marks)
    waiting = unpolled(after, marks, before)
    quiet = asleep(after["processes"]) if flow.backlog or waiting else []
    takes_more = [queue["name"] for queue in late if queue["name"] != SCHEDULER and queue["why"] != "it is paused"]
    wanted = takes_more if slow else []
    stopped = sorted({*(job["identity"] for job in held), *quiet})
    return {
        "behind": late,
        "stuck": held,
        "stuck_processes": [name for name in stopped if is_taken("identities", name)],
        "skipped": [
            *(queue["name"] for queue in late if not is_taken("queues", queue["name"])),
            *(name for name in stopped if not is_taken("identities", name)),
        ],
        "queues_behind": [queue["name"] for queue in late if is_taken("queues", queue["name"])],
        "asleep": quiet,
        "unpolled": waiting,
        "slow": slow,
        "drain_queues": [name for name in wanted if can_be_served(name)],
        "undrainable": [name for name in wanted if not can_be_served(name)],
    }


def drained(queues: t.Iterable[t.Mapping[str, t.Any]], names: t.Collection[str], low: int) -> bool:
    """Whether each of these queues has no more than `low` jobs."""
    return all(queue["size"] <= low for queue in queues if queue["name"] in names)
