# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whether the threads that run are busy and whether queues are late, as far as one reading tells."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...._sidekiq.humanize import duration
from ...._sidekiq.text import printable
from ...diagnosis.thresholds import Thresholds

BUSY: t.Final = 0.8
"""Share of busy threads from which on more threads help. Below it a job that arrives finds a free thread."""


@dataclass(frozen=True)
class Crew:
    """Threads, and how many of them ran a job at the last heartbeat."""

    busy: int = 0
    threads: int = 0

    @property
    def is_busy(self) -> bool:
        return self.threads > 0 and self.busy >= self.threads * BUSY


@dataclass(frozen=True)
class Late:
    """A queue whose next job waits longer than the limit, and those who serve the queue."""

    name: str
    latency: float
    limit: float
    crew: Crew


@dataclass(frozen=True)
class Load:
    """`here`: the processes of this host. `late`: queues by how late they are."""

    here: Crew = Crew()
    late: tuple[Late, ...] = ()

    @property
    def needs_more(self) -> bool:
        """Whether more threads help. A late queue whose threads are idle has another cause."""
        return not self.here.threads or self.here.is_busy or any(late.crew.is_busy for late in self.late)

    @property
    def sentence(self) -> str:
        if not self.here.threads:
            return "Load: unknown, as no Sidekiq process of this host has a heartbeat."
        seen = f"Load: {self.here.busy} of {self.here.threads} threads busy at the last heartbeat"
        if not self.late:
            return f"{seen}, no queue is late. {self._verdict()}"
        return f"{seen}; late: {', '.join(map(_describe, self.late))}. {self._verdict()}"

    def _verdict(self) -> str:
        if self.needs_more:
            return "More threads help." if self.late else "More threads give a reserve."
        if self.late:
            return "More threads would not help, as the present ones are idle: playbook fediverse.mastodon.health names the cause."
        return "More threads would not help, as the present ones are idle."


def read_load(
    processes: t.Sequence[t.Mapping[str, t.Any]], queues: t.Sequence[t.Mapping[str, t.Any]], own: t.Collection[str]
) -> Load:
    """From what `sidekiq_info` returns. `own`: the identities of this host's processes."""
    crews = {
        process["identity"]: Crew(process["busy"] or 0, process["concurrency"] or 0)
        for process in processes
        if process["alive"] and not process["quiet"]
    }
    limits = Thresholds()
    late = [
        Late(queue["name"], queue["latency"], limits.latency(queue["name"]), _together(crews, queue["processes"]))
        for queue in queues
        if queue["latency"] > limits.latency(queue["name"])
    ]
    return Load(_together(crews, own), tuple(sorted(late, key=lambda queue: -queue.latency / queue.limit)))


def _together(crews: t.Mapping[str, Crew], identities: t.Collection[str]) -> Crew:
    members = [crews[identity] for identity in identities if identity in crews]
    return Crew(sum(crew.busy for crew in members), sum(crew.threads for crew in members))


def _describe(late: Late) -> str:
    threads = (
        f"{late.crew.busy} of its {late.crew.threads} threads busy" if late.crew.threads else "no process serves it"
    )
    return f"{printable(late.name, 60)} {duration(late.latency)} (limit {duration(late.limit)}, {threads})"
