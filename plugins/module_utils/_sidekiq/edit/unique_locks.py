# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Unique locks of sidekiq-unique-jobs 7.1 and 8: which there are, who holds them, and which holders are gone.

A lock is the hash `<digest>:LOCKED`, a field for each job that holds it. The registry `uniquejobs:digests` lists the
digests; its score is no age (8.0.10 and newer write a time in the future for scheduled jobs), the value of the field is.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..keys import PRIVATE_QUEUES, SETS, Keys
from ..redis.batch import Batch, run_reader
from ..state.heartbeats import wait_for_heartbeats
from ..state.process import read_processes
from ..text import text
from ..times import number
from ..traversal.iterate import queue_members, set_members
from .owned_locks import RUN
from .scripts.unlock import UNLOCK

DIGESTS: t.Final = "uniquejobs:digests"  # a constant of the gem, also where lock_prefix is another
EXPIRING: t.Final = "uniquejobs:expiring_digests"
_NAMED = re.compile(rb'"(?:jid|lock_digest|unique_digest)"\s*:\s*"([^"\\]{1,256})"')
_GLOB = re.compile(rb"[*?\[\]\\]")
_PAGE = 1000
_FREED_AT_ONCE = 200


@dataclass(frozen=True)
class Lock:
    """A lock. `holders`: jid -> epoch seconds at which it took the lock (None if that is not readable).

    `runtime`: held only while the job runs. `outlives`: until_expired, meant to stay after its job is gone.
    """

    digest: str
    holders: t.Mapping[str, float | None]
    runtime: bool
    outlives: bool

    @property
    def locked_at(self) -> float | None:
        """When the oldest holder took it, epoch seconds."""
        times = [moment for moment in self.holders.values() if moment is not None]
        return min(times) if times else None


@dataclass(frozen=True)
class LockReport:
    """All locks, and the orphaned among them: older than the age asked for and every holder in no queue, set or process.

    `uncertain`: those that would be orphaned, but a job of theirs may have begun since the last heartbeat of `silent`, the
    identities of processes that did not say in time what they run.
    """

    locks: tuple[Lock, ...]
    orphaned: tuple[Lock, ...]
    uncertain: tuple[Lock, ...] = ()
    silent: tuple[str, ...] = ()


def read_locks(client: t.Any, key: Keys) -> list[Lock]:
    """Every lock that somebody holds, by digest. Entries of the registry whose lock expired are none."""
    expiring = {member for member, _score in set_members(client, key(EXPIRING))}
    digests = sorted(expiring | {member for member, _score in set_members(client, key(DIGESTS))})
    locks = []
    for start in range(0, len(digests), _PAGE):
        batch = Batch(client)
        # digests are keys, and with redis-namespace the members of the registry do not carry its prefix
        asked = [(digest, batch.ask("hgetall", key(digest, ":LOCKED"))) for digest in digests[start : start + _PAGE]]
        batch.send()
        for digest, answer in asked:
            holders = {text(jid): number(moment) for jid, moment in answer.get({}).items()}
            if holders:
                locks.append(Lock(text(digest), holders, digest.endswith(RUN.encode()), digest in expiring))
    return locks


def audit(client: t.Any, key: Keys, now: float, min_age: float, heartbeat_timeout: float) -> LockReport:
    """Read all locks and look for the job of each; `now` in epoch seconds, `min_age` and `heartbeat_timeout` in seconds.

    Reads retry, schedule, every queue (also unregistered ones and the private lists in which other tools keep running
    jobs) and what runs; dead jobs hold no lock. If a job is missing, its process may have fetched it since the last
    heartbeat, so this waits for the next heartbeat of every process. As jobs move while this reads, it then looks twice.
    """
    locks = read_locks(client, key)
    suspects = [
        lock for lock in locks if not lock.outlives and lock.locked_at is not None and now - lock.locked_at > min_age
    ]
    suspects = _without_job(client, key, suspects)
    silent = wait_for_heartbeats(client, key, heartbeat_timeout) if suspects else ()
    for _look in range(2):
        suspects = _without_job(client, key, suspects)
    if silent:
        return LockReport(tuple(locks), (), tuple(suspects), silent)
    return LockReport(tuple(locks), tuple(suspects))


def _without_job(client: t.Any, key: Keys, locks: list[Lock]) -> list[Lock]:
    """Those of the locks whose job is nowhere."""
    if not locks:
        return []
    running, waiting = _present(client, key, {name for lock in locks for name in _names(lock)})
    return [lock for lock in locks if not (running if lock.runtime else running | waiting) & _names(lock)]


def free(client: t.Any, key: Keys, locks: t.Sequence[Lock]) -> int:
    """Free these locks; returns how many still had the holders that were seen."""
    script = client.register_script(UNLOCK)
    freed = 0
    for start in range(0, len(locks), _FREED_AT_ONCE):
        arguments: list[t.Any] = [key.prefix]
        for lock in locks[start : start + _FREED_AT_ONCE]:
            arguments += [lock.digest, len(lock.holders), *lock.holders]
        freed += script([], arguments)
    return freed


def _names(lock: Lock) -> set[str]:
    """By what its jobs can be known: the holder's jid; the digest too, as a job that carries it would be locked out or doubled."""
    return {lock.digest, *lock.holders}


def _present(client: t.Any, key: Keys, wanted: set[str]) -> tuple[set[str], set[str]]:
    """Which of the wanted jids and digests belong to running and which to waiting jobs.

    Sets, then queues, then what runs: the way that a job goes, so that it is not missed on its way.
    Fields of these names count wherever they stand in a member: rather one lock too many is kept.
    """
    waiting: set[str] = set()
    running: set[str] = set()

    def see(raw: bytes, names: set[str]) -> None:
        names.update(name for name in map(text, _NAMED.findall(raw)) if name in wanted)

    for name in ("scheduled", "retry"):
        for raw, _score in set_members(client, key(SETS[name])):
            see(raw, waiting)
    for queue in _lists(client, key):
        for raw in queue_members(client, queue):
            see(raw, waiting)
    _processes, work = run_reader(client, lambda batch: read_processes(batch, key, lambda: 0.0))
    for unit_of_work in work:
        see(unit_of_work.job.raw, running)
    return running, waiting


def _lists(client: t.Any, key: Keys) -> list[bytes]:
    """Every list of jobs, registered or not."""
    # a namespace may hold what means something in a pattern
    patterns = [_GLOB.sub(rb"\\\g<0>", key(start)) + b"*" for start in (b"queue:", *PRIVATE_QUEUES)]
    return sorted(
        {
            name
            for pattern in patterns
            for name in client.scan_iter(match=pattern, count=_PAGE)
            if client.type(name) == b"list"
        }
    )
