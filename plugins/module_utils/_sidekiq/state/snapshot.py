# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""One look at everything that is cheap to read: at most three round trips, however many queues and processes there are."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ..keys import Keys
from ..redis.batch import Batch, Reader, together
from ..redis.server import Server, read_server
from .job_set import JobSet, read_sets
from .process import Process, Work, read_processes
from .queue import Queue, read_queues, read_unregistered
from .recurring import Recurring, read_schedule
from .stats import Counters, read_counters

PARTS: t.Final = ("counters", "queues", "sets", "processes", "work", "schedule", "server")


@dataclass(frozen=True)
class Snapshot:
    """What Sidekiq keeps, at `taken_at` (epoch seconds of Redis' clock). Parts that were not asked for are None.

    `clock_offset`: seconds by which the clock of this host is ahead of Redis'. `wrong_types`: keys that were asked for and are of
    another type than Sidekiq's; what would stand there counts as absent.
    """

    taken_at: float
    clock_offset: float
    counters: Counters | None
    queues: tuple[Queue, ...] | None
    sets: t.Mapping[str, JobSet] | None
    processes: tuple[Process, ...] | None
    work: tuple[Work, ...] | None
    schedule: tuple[Recurring, ...] | None
    server: Server | None
    locks: int | None
    round_trips: int
    wrong_types: tuple[bytes, ...] = ()

    @property
    def enqueued(self) -> int:
        """Jobs in registered queues, as `Stats#enqueued`."""
        return sum(queue.size for queue in self.queues or () if queue.registered)

    @property
    def alive(self) -> tuple[Process, ...]:
        return tuple(process for process in self.processes or () if process.alive)

    @property
    def ghosts(self) -> tuple[Process, ...]:
        return tuple(process for process in self.processes or () if not process.alive)

    @property
    def running(self) -> tuple[Work, ...]:
        """The jobs that run in live processes."""
        alive = {process.identity for process in self.alive}
        return tuple(work for work in self.work or () if work.identity in alive)

    def serving(self, queue: str) -> tuple[Process, ...]:
        """Live processes that take jobs from a queue, quiet ones too."""
        return tuple(process for process in self.alive if queue in process.queues)


def read_snapshot(client: t.Any, key: Keys, parts: t.Collection[str] = PARTS, clock: float | None = None) -> Snapshot:
    """Read the named parts (see `PARTS`). `clock`, epoch seconds, stands in for the clock of Redis in tests.

    The parts are read within some milliseconds of each other but not as one transaction: while jobs run, a job can be
    seen in its queue and as running, or in neither.
    """
    batch = Batch(client)
    seen: dict[str, float] = {} if clock is None else {"redis": clock, "here": clock}

    def now() -> float:
        return seen["redis"]

    readers: dict[str, Reader[t.Any]] = {"clock": _read_clock(batch, seen)}
    if "counters" in parts:
        readers["counters"] = read_counters(batch, key)
        readers["locks"] = _read_lock_count(batch, key)
    if "queues" in parts:
        readers["queues"] = read_queues(batch, key, now)
    if "sets" in parts:
        readers["sets"] = read_sets(batch, key, now)
    if "processes" in parts or "work" in parts:
        readers["processes"] = read_processes(batch, key, now, work="work" in parts)
    if "schedule" in parts:
        readers["schedule"] = read_schedule(batch, key, now)
    if "server" in parts:
        readers["server"] = read_server(batch, key)
    replies = together(batch, readers)
    processes, work = replies.get("processes", (None, None))
    queues = replies.get("queues")
    if queues is not None and processes is not None:
        served = {name for process in processes for name in process.queues}
        unregistered = read_unregistered(batch, key, served - {queue.name for queue in queues}, now)
        queues = queues + together(batch, {"queues": unregistered})["queues"]
    return Snapshot(
        taken_at=seen["redis"],
        clock_offset=seen["here"] - seen["redis"],
        counters=replies.get("counters"),
        queues=None if queues is None else tuple(queues),
        sets=replies.get("sets"),
        processes=None if processes is None else tuple(processes),
        work=tuple(work) if work is not None and "work" in parts else None,
        schedule=tuple(replies["schedule"]) if "schedule" in replies else None,
        server=replies.get("server"),
        locks=replies.get("locks"),
        round_trips=batch.round_trips,
        wrong_types=tuple(sorted(batch.wrong_types)),
    )


def _read_clock(batch: Batch, seen: dict[str, float]) -> Reader[None]:
    answer = batch.ask("time")
    yield
    seconds, microseconds = answer.get((time.time(), 0), tolerant=True)
    seen.setdefault("here", time.time())
    seen.setdefault("redis", float(seconds) + float(microseconds) / 1e6)


def _read_lock_count(batch: Batch, key: Keys) -> Reader[int]:
    answer = batch.ask("zcard", key("uniquejobs:digests"))
    yield
    return int(answer.get(0))
