# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Queues: the registry `queues` and a list for each. Index 0 is the newest job, the last one runs next."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..errors import refuse_more
from ..keys import PAUSED, PRIVATE_QUEUES, QUEUES, Keys
from ..redis.batch import Batch, Reader
from ..text import text
from .job import Job, parse

MOST: t.Final = 10_000
"""Queues that are read: Mastodon has seven, other programs have some hundreds."""


@dataclass(frozen=True)
class Queue:
    """A queue. `latency`: seconds that the job which runs next has waited, 0 when empty.

    `registered` is false for a list that processes serve but the registry does not name: Sidekiq's own API does not
    see its jobs (the race of `Queue#clear` with a producer leaves such lists).
    """

    name: str
    size: int
    latency: float
    paused: bool
    registered: bool
    next_job: Job | None


def is_private(name: bytes) -> bool:
    """Whether another tool keeps its running jobs under this name."""
    return name.startswith(PRIVATE_QUEUES)


def read_queues(batch: Batch, key: Keys, now: t.Callable[[], float]) -> Reader[list[Queue]]:
    """Registered queues by name (sidekiq api.rb, `Queue.all`); two round trips."""
    names, paused = batch.ask("smembers", key(QUEUES)), batch.ask("smembers", key(PAUSED))
    yield
    refuse_more(MOST, "queues", len(names.get(())), text(key(QUEUES)))
    stopped = set(paused.get(()))
    rest = yield from _lists(batch, key, sorted(names.get(())), now, registered=True, stopped=stopped)
    return rest


def read_unregistered(
    batch: Batch, key: Keys, names: t.Iterable[str], now: t.Callable[[], float]
) -> Reader[list[Queue]]:
    """Those of the named queues that hold jobs; one round trip."""
    found = yield from _lists(batch, key, sorted(name.encode() for name in names), now, registered=False, stopped=set())
    return [queue for queue in found if queue.size]


def _lists(
    batch: Batch, key: Keys, names: list[bytes], now: t.Callable[[], float], registered: bool, stopped: set[bytes]
) -> Reader[list[Queue]]:
    names = [name for name in names if not is_private(name)]
    asked = [(batch.ask("llen", key.queue(name)), batch.ask("lindex", key.queue(name), -1)) for name in names]
    yield
    queues = []
    for name, (size, oldest) in zip(names, asked):
        raw = oldest.get()
        job = parse(raw) if raw is not None else None
        queues.append(Queue(text(name), size.get(0), _latency(job, now()), name in stopped, registered, job))
    return queues


def _latency(job: Job | None, now: float) -> float:
    since = (job.enqueued_at or job.created_at) if job else None
    return 0.0 if since is None else max(0.0, now - since)
