# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills queues and job sets fast: many members a command, many commands a round trip."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import redis

from .activities import compact
from .payloads import Forge, Payload
from .workers import SHARES

_PER_COMMAND = 250
_PER_TRIP = 5_000

_Item = TypeVar("_Item")


@dataclasses.dataclass(frozen=True)
class Batch:
    """Jobs that were enqueued evenly over a stretch of time."""

    count: int
    oldest: float
    """Seconds before now at which the first was enqueued."""
    newest: float
    make: Callable[[float], Payload]
    """Makes the job that was enqueued at this time (epoch seconds)."""

    def jobs(self, now: float) -> Iterator[tuple[float, Payload]]:
        """The jobs with their times, oldest first."""
        step = (self.oldest - self.newest) / max(self.count - 1, 1)
        for number in range(self.count):
            at = now - self.oldest + number * step
            yield at, self.make(at)


def mixture(forge: Forge, shares: Mapping[str, int]) -> Callable[[float], Payload]:
    """Makes jobs of random classes, each class as often as its share says."""
    names, totals = list(shares), list(itertools.accumulate(shares.values()))
    return lambda at: forge.any_job(forge.random.choices(names, cum_weights=totals)[0], at)


def push(client: redis.Redis, queue: str, batches: Iterable[Batch], now: float) -> int:
    """Enqueue all the batches in the order of their times, each job at the head; return how many jobs that were."""
    ordered = heapq.merge(*(batch.jobs(now) for batch in batches), key=lambda timed: timed[0])
    count = 0
    client.sadd("queues", queue)
    for members in _pages((compact(payload) for _at, payload in ordered), _PER_TRIP):
        pipe = client.pipeline(transaction=False)
        for page in _pages(members, _PER_COMMAND):
            pipe.lpush(f"queue:{queue}", *page)
        pipe.execute()
        count += len(members)
    return count


def add(client: redis.Redis, name: str, entries: Iterable[tuple[Payload, float]]) -> None:
    """Put jobs with their scores (epoch seconds) into the sorted set `name`."""
    for page in _pages(entries, _PER_COMMAND):
        client.zadd(name, {compact(payload): score for payload, score in page})


def queue_of(
    client: redis.Redis,
    count: int,
    queue: str = "push",
    *,
    shares: Mapping[str, int] | None = None,
    oldest: float = 2400.0,
    seed: int = 1,
) -> None:
    """Enqueue `count` jobs of the classes that such a queue holds, the first `oldest` seconds ago and the last now."""
    forge = Forge(seed)
    make = mixture(forge, shares or SHARES.get(queue) or SHARES["default"])
    push(client, queue, [Batch(count, oldest, 0.0, make)], time.time())


def _pages(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    source = iter(items)
    while page := list(itertools.islice(source, size)):
        yield page
