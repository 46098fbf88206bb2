# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound make-believe instance, still open: situations add their trouble to it before it is finished."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable

import redis

from . import locks, neighbours, recurring
from .activities import LOCAL_DOMAIN, REMOTE_DOMAINS, inbox
from .fill import Batch, add, push
from .heartbeat import Process, Running, write
from .payloads import Forge, Payload
from .releases import UNIQUE_JOBS
from .workers import DAY, HOUR, MINUTE, QUEUES

THREADS = 25
"""`-c 25` of Mastodon's own unit."""

Entry = tuple[Payload, float]
"""A job in a sorted set, with its score in epoch seconds."""


@dataclasses.dataclass
class Scene:
    """The instance while it is being put together; what comes in great numbers waits here until `finish` writes it."""

    client: redis.Redis
    forge: Forge
    now: float
    """Epoch seconds."""
    scale: float = 1.0
    """Makes everything that comes in great numbers smaller, for tests that need no size."""
    queued: dict[str, list[Batch]] = dataclasses.field(default_factory=dict)
    retries: list[Entry] = dataclasses.field(default_factory=list)
    running: list[Running] = dataclasses.field(default_factory=list)

    @property
    def random(self) -> random.Random:
        """The one source of chance."""
        return self.forge.random

    def size(self, full: int) -> int:
        """A number of jobs at the scale of this scene."""
        return max(1, round(full * self.scale))

    def enqueue(self, queue: str, count: int, oldest: float, newest: float, make: Callable[[float], Payload]) -> None:
        """Leave `count` jobs to be enqueued, the first `oldest` seconds ago and the last `newest` seconds ago."""
        self.queued.setdefault(queue, []).append(Batch(count, oldest, newest, make))

    def enqueue_one(self, payload: Payload, ago: float) -> None:
        """Leave one job to be enqueued."""
        self.enqueue(payload["queue"], 1, ago, ago, lambda _at: payload)

    def locked(self, name: str, at: float) -> Payload:
        """A job of a locking class, with its lock held."""
        payload = self.forge.any_job(name, at)
        locks.hold(self.client, payload, at, self.now)
        return payload

    def schedule(self, name: str, created: float, at: float) -> None:
        """Put a job of a locking class into the scheduled set, with its lock held."""
        payload = self.forge.scheduled(self.forge.any_job(name, created))
        # The gem lengthens the lock by the time until the job is due.
        payload["lock_ttl"] += round(at - created)
        locks.hold(self.client, payload, created, self.now)
        add(self.client, "schedule", [(payload, at)])

    def bury(self, name: str, at: float, error: str, message: str) -> None:
        """Put a job that failed at `at` for good into the dead set."""
        payload = self.forge.any_job(name, at - 4)
        add(self.client, "dead", [(self.forge.failed(payload, error, message, first=at), at)])

    def failed_delivery(self, domain: str, error: str) -> Entry:
        """A delivery somewhere in its sixteen attempts, the next one at least five minutes ahead."""
        attempts = self.random.randint(6, 13)
        delays = [(number**4 + 15) * 1.25 for number in range(attempts)]
        next_at = self.now + self.random.uniform(5 * MINUTE, delays[-1])
        last = next_at - delays[-1]
        first = last - sum(delays[:-1])
        payload = self.forge.delivery(domain, first - 12)
        payload["enqueued_at"] = self.forge.stamp(last - 12)
        message = _ERRORS[error].format(inbox=inbox(domain))
        return self.forge.failed(payload, error, message, first=first, last=last, attempts=attempts), next_at

    def finish(self) -> tuple[Process, ...]:
        """Write what was kept; return the processes that are alive."""
        for queue, batches in self.queued.items():
            push(self.client, queue, batches, self.now)
        add(self.client, "retry", self.retries)
        identity = f"{LOCAL_DOMAIN}:2210:{self.forge.hex(12)}"
        version = self.forge.version
        process = Process(identity, self.now - 3 * DAY, tuple(self.running), concurrency=THREADS, version=version)
        write(self.client, process)
        return (process,)


_ERRORS = {
    "HTTP::TimeoutError": "Connect timed out after 5 seconds on {inbox}",
    "HTTP::ConnectionError": "failed to connect: Connection refused - connect(2) for 192.0.2.7:443 on {inbox}",
    "Mastodon::UnexpectedResponseError": "{inbox} returned code 502",
    "OpenSSL::SSL::SSLError": "SSL_connect returned=1 errno=0 state=error: certificate verify failed on {inbox}",
}


def begin(client: redis.Redis, forge: Forge, now: float, scale: float) -> Scene:
    """Write what every instance has: figures, a schedule, locks, neighbours, a few jobs at work, ahead and dead."""
    scene = Scene(client, forge, now, scale)
    client.sadd("queues", *QUEUES)
    client.set("uniquejobs:live", UNIQUE_JOBS)
    _figures(client, now)
    recurring.write(client, now)
    neighbours.write(client, now)
    scene.running += [
        Running(scene.locked("AccountRefreshWorker", now - 2), now - 1),
        Running(forge.any_job("FeedInsertWorker", now), now),
        Running(forge.any_job("ActivityPub::DeliveryWorker", now), now),
    ]
    # In `pull`, where some minutes of waiting are nothing: the other queues of a sound instance are empty.
    for ago in (2.0, 1.5, 1.0):
        scene.enqueue_one(scene.locked("ResolveAccountWorker", now - ago), ago)
    for hours in range(1, 13):
        scene.schedule("PollExpirationNotifyWorker", now - HOUR, now + hours * HOUR)
    for days in range(2, 7):
        scene.bury(
            "LinkCrawlWorker", now - days * DAY, "OpenSSL::SSL::SSLError", "SSL_read: unexpected eof while reading"
        )
    for domain in REMOTE_DOMAINS:
        scene.retries += [scene.failed_delivery(domain, "HTTP::TimeoutError") for _number in range(4)]
    return scene


def _figures(client: redis.Redis, now: float) -> None:
    """Counters since the beginning and of each day (UTC), and some minutes of metrics."""
    pipe = client.pipeline(transaction=False)
    pipe.set("stat:processed", 48_213_907)
    pipe.set("stat:failed", 1_904_377)
    for day in range(7):
        date = time.strftime("%Y-%m-%d", time.gmtime(now - day * DAY))
        pipe.set(f"stat:processed:{date}", 240_000 + 9_000 * day, ex=1825 * DAY)
        pipe.set(f"stat:failed:{date}", 9_100 + 350 * day, ex=1825 * DAY)
    for minutes in range(1, 6):
        at = time.gmtime(now - minutes * MINUTE)
        name = f"j|{time.strftime('%y%m%d', at)}|{at.tm_hour}:{at.tm_min:02d}"
        pipe.hset(name, mapping={"ActivityPub::DeliveryWorker|p": 140, "ActivityPub::DeliveryWorker|f": 31})
        pipe.expire(name, 8 * HOUR)
    pipe.execute()
