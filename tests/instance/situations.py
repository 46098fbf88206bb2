# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations of a make-believe Mastodon 4.6 instance, written straight into Redis as Sidekiq 8.1 would have left them.

`trouble(client)` and its like write a whole instance into an empty database, sound but for what they are named after,
and return the processes that are alive: with `heartbeat.kept_alive` they stay so for longer than a minute.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable

import redis

from . import recurring
from .activities import DEAD_DOMAIN, LOCAL_DOMAIN, REMOTE_DOMAINS
from .fill import Batch, mixture, push
from .heartbeat import Process, Running, ghost, write
from .payloads import Forge
from .releases import SIDEKIQ
from .scene import THREADS, Scene, begin
from .workers import DAY, HOUR, MINUTE, QUEUES, SHARES

# How much of everything there is at full scale.
LOW_PRIORITY_AHEAD, LOW_PRIORITY_BEHIND = 20_000, 400
BACKLOG = {"default": 18_000, "push": 20_000, "ingress": 12_000}
DEAD_DOMAIN_QUEUED, DEAD_DOMAIN_RETRIES, OTHER_RETRIES = 4_000, 3_000, 800
OVERDUE_SCHEDULED = 24
ORPHANED_LOCKS = 12

# Rows in the table `backups`: the argument of BackupWorker.
FAILING_EXPORT, REPEATED_EXPORT, WAITING_EXPORT = 8412, 8390, 8431


def _stuck_export(scene: Scene) -> None:
    forge, now = scene.forge, scene.now

    failing = forge.job("BackupWorker", [FAILING_EXPORT], now - 8 * MINUTE)
    full = "No space left on device @ io_write - /tmp/archive20261122-2210-1k2hx7t.zip"
    failing = forge.failed(failing, "Errno::ENOSPC", full, first=now - 7 * MINUTE, last=now - 10, attempts=4)
    scene.retries.append((failing, now + 3 * MINUTE))

    unreachable = "Failed to open TCP connection to s3.storage.example:443 (execution expired)"
    for number in range(3):
        asked = now - (5 - number) * MINUTE
        again = forge.job("BackupWorker", [REPEATED_EXPORT], asked)
        error = "Seahorse::Client::NetworkingError"
        again = forge.failed(again, error, unreachable, first=asked + 20, last=now - 15, attempts=3)
        scene.retries.append((again, now + (3 + number) * MINUTE))

    low_priority = mixture(forge, {"ActivityPub::LowPriorityDeliveryWorker": 1})
    scene.enqueue("pull", scene.size(LOW_PRIORITY_AHEAD), 3 * HOUR, 30 * MINUTE, low_priority)
    scene.enqueue_one(forge.job("BackupWorker", [WAITING_EXPORT], now - 25 * MINUTE), 25 * MINUTE)
    scene.enqueue("pull", scene.size(LOW_PRIORITY_BEHIND), 24 * MINUTE, MINUTE, low_priority)


def _dead_domain(scene: Scene) -> None:
    forge, now = scene.forge, scene.now
    held = [5 * MINUTE + 35 * MINUTE * number / (THREADS - 2) for number in range(THREADS - 1)]
    stuck = [Running(forge.delivery(DEAD_DOMAIN, now - ago - MINUTE), now - ago) for ago in held]
    scene.running[1:] = stuck
    errors = itertools.cycle(("HTTP::TimeoutError", "HTTP::TimeoutError", "HTTP::ConnectionError"))
    for error in itertools.islice(errors, scene.size(DEAD_DOMAIN_RETRIES)):
        scene.retries.append(scene.failed_delivery(DEAD_DOMAIN, error))
    errors = itertools.cycle(("HTTP::TimeoutError", "OpenSSL::SSL::SSLError", "Mastodon::UnexpectedResponseError"))
    for error in itertools.islice(errors, scene.size(OTHER_RETRIES)):
        scene.retries.append(scene.failed_delivery(scene.random.choice(REMOTE_DOMAINS), error))
    queued = scene.size(DEAD_DOMAIN_QUEUED)
    scene.enqueue("push", queued, 40 * MINUTE, MINUTE, lambda at: forge.delivery(DEAD_DOMAIN, at))


def _backlog(scene: Scene) -> None:
    for queue, count in BACKLOG.items():
        scene.enqueue(queue, scene.size(count), 40 * MINUTE, 0.0, mixture(scene.forge, SHARES[queue]))


def _schedule_stuck(scene: Scene) -> None:
    now = scene.now
    names = itertools.cycle(("PublishScheduledStatusWorker", "PollExpirationNotifyWorker"))
    count = scene.size(OVERDUE_SCHEDULED)
    for number, name in enumerate(itertools.islice(names, count)):
        scene.schedule(name, now - DAY, now - HOUR + number * 50 * MINUTE / count)
    for number, domain in enumerate(REMOTE_DOMAINS):
        payload, _next_at = scene.failed_delivery(domain, "HTTP::TimeoutError")
        scene.retries.append((payload, now - (10 + 8 * number) * MINUTE))
    recurring.write(scene.client, now, stopped_at=now - HOUR)
    ghost(scene.client, f"{LOCAL_DOMAIN}:1873:{scene.forge.hex(12)}")


def _orphan_locks(scene: Scene) -> None:
    # Classes whose locks last a week and longer; the gem's reaper sleeps while more than 1000 jobs are queued.
    names = itertools.cycle(
        (
            "AccountDeletionWorker",
            "RegenerationWorker",
            "ActivityPub::FollowersSynchronizationWorker",
            "Admin::DomainPurgeWorker",
        )
    )
    for number, name in enumerate(itertools.islice(names, scene.size(ORPHANED_LOCKS))):
        scene.locked(name, scene.now - DAY - number * 8 * HOUR)


@dataclasses.dataclass(frozen=True)
class Situation:
    """A situation that can be written; `title` says in one sentence what it is."""

    title: str
    parts: tuple[Callable[[Scene], None], ...]

    def __call__(
        self,
        client: redis.Redis,
        *,
        seed: int = 1,
        version: str = SIDEKIQ,
        now: float | None = None,
        scale: float = 1.0,
    ) -> tuple[Process, ...]:
        """Write it as it is at `now` (epoch seconds, else this moment) and return the processes that are alive.

        `version` is that of Sidekiq, 6.4.1 or later. `scale` makes what comes in great numbers smaller.
        """
        scene = begin(client, Forge(seed, version), time.time() if now is None else now, scale)
        for part in self.parts:
            part(scene)
        return scene.finish()


healthy = Situation("A quiet evening: nothing is late and nothing is wrong, for about a minute.", ())
stuck_export = Situation(
    "Archives that do not come: one fails, one was started three times, one waits behind low priority deliveries.",
    (_stuck_export,),
)
dead_domain = Situation(
    "A server that does not answer any more holds all threads but one, most of the retry set and a part of push.",
    (_dead_domain,),
)
backlog = Situation("default, push and ingress are forty minutes behind.", (_backlog,))
schedule_stuck = Situation(
    "Nothing has been started by the clock for an hour, and a process that is gone is still listed.", (_schedule_stuck,)
)
orphan_locks = Situation("Unique locks whose jobs are lost, beside locks whose jobs are not.", (_orphan_locks,))
trouble = Situation(
    "Exports that do not come, a server that does not answer, queues forty minutes behind, a schedule that stands still.",
    (_stuck_export, _dead_domain, _backlog, _schedule_stuck, _orphan_locks),
)

SITUATIONS = {
    "healthy": healthy,
    "stuck_export": stuck_export,
    "dead_domain": dead_domain,
    "backlog": backlog,
    "schedule_stuck": schedule_stuck,
    "orphan_locks": orphan_locks,
    "trouble": trouble,
}


def queues_and_processes(
    client: redis.Redis, queues: int = 50, processes: int = 20, *, jobs: int = 20, busy: int = 5, seed: int = 1
) -> tuple[Process, ...]:
    """Write an instance of a given width, for benchmarks, and return its processes.

    Every queue holds `jobs` jobs, and every process serves all queues and has `busy` busy threads.
    """
    forge, now = Forge(seed), time.time()
    names = [*QUEUES, *(f"extra-{number}" for number in range(queues))][:queues]
    for name in names:
        push(client, name, [Batch(jobs, 2.0, 0.0, mixture(forge, SHARES["default"]))], now)
    living = []
    for number in range(processes):
        identity = f"worker-{number}.{LOCAL_DOMAIN}:{2210 + number}:{forge.hex(12)}"
        running = tuple(Running(forge.any_job("FeedInsertWorker", now), now) for _number in range(busy))
        living.append(Process(identity, now - DAY, running, dict.fromkeys(names, 1)))
        write(client, living[-1])
    return tuple(living)
