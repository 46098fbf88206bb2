# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How fast jobs come and go: two snapshots some seconds apart, and what follows from them.

Processes add to `stat:processed` with each heartbeat (5 or 10 s), not with each job: over a short time the rates are coarse.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

Snapshot = t.Mapping[str, t.Any]
"""What sidekiq_info returns, with the sections totals, queues and processes."""


@dataclass(frozen=True)
class Flow:
    """Rates in jobs a second. `completed` counts runs, those that failed too; `arrived` are those that came into queues.

    `net`: growth of each queue. `threads`: threads of the processes that take new jobs.
    """

    seconds: float
    backlog: int
    completed: float
    failed: float
    arrived: float
    net: t.Mapping[str, float]
    threads: int

    @property
    def per_thread(self) -> float | None:
        return self.completed / self.threads if self.threads and self.completed else None

    def to_empty(self, more_threads: int = 0) -> float | None:
        """Seconds until the queues are empty at these rates; None if they grow. More threads are taken to be as fast as those there are."""
        if not self.backlog:
            return 0.0
        gain = self.completed - self.arrived + more_threads * (self.per_thread or 0)
        return self.backlog / gain if gain > 0 else None

    def threads_to_hold(self) -> int | None:
        """How many more threads it takes so that the backlog stops to grow; None if no job was completed."""
        missing = self.arrived - self.completed
        if missing <= 0:
            return 0
        return int(missing / self.per_thread) + 1 if self.per_thread else None


def measure(before: Snapshot, after: Snapshot) -> Flow:
    """From the earlier and the later snapshot. Counters that were reset in between count as no work."""
    seconds = max(0.001, after["taken_epoch"] - before["taken_epoch"])
    done = max(0, after["totals"]["processed"] - before["totals"]["processed"])
    failed = max(0, after["totals"]["failed"] - before["totals"]["failed"])
    old, new = _sizes(before), _sizes(after)
    grown = {name: new.get(name, 0) - old.get(name, 0) for name in sorted({*old, *new})}
    working = [process for process in after["processes"] if process["alive"] and not process["quiet"]]
    return Flow(
        seconds=seconds,
        backlog=sum(new.values()),
        completed=done / seconds,
        failed=failed / seconds,
        arrived=max(0, done + sum(grown.values())) / seconds,
        net={name: number / seconds for name, number in grown.items()},
        threads=sum(process["concurrency"] or 0 for process in working),
    )


def _sizes(snapshot: Snapshot) -> dict[str, int]:
    return {queue["name"]: queue["size"] for queue in snapshot["queues"]}
