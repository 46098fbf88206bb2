# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A look into the queues and sets, for what their sizes alone do not tell."""

from __future__ import annotations

import itertools
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ..._sidekiq.edit.unique_locks import LockReport, audit
from ..._sidekiq.keys import DEAD, RETRY, SCHEDULE, Keys
from ..._sidekiq.redis.batch import Batch
from ..._sidekiq.state.job import Job, parse
from ..._sidekiq.state.snapshot import Snapshot
from ..._sidekiq.times import number
from ..._sidekiq.traversal.iterate import queue_members, set_members
from ..jobs.worker_classes import BACKUP_WORKER, remote_domain

HOUR: t.Final = 3600.0
_DEATHS_READ = 1000


@dataclass(frozen=True)
class Export:
    """A job that builds an archive. `place`: queue, retry, scheduled or running. `ahead`: jobs of the queue that run before it.

    `archive` is the same for jobs of the same archive; it is not the id of the row.
    """

    place: str
    archive: str
    job: Job
    ahead: int | None = None
    due_at: float | None = None


@dataclass
class Survey:
    """What was seen. `unread`: jobs that were left out because there were more than the limit, by queue or set."""

    queue_classes: dict[str, Counter[str]] = field(default_factory=dict)
    retry_domains: Counter[str] = field(default_factory=Counter)
    retry_errors: Counter[str] = field(default_factory=Counter)
    retry_read: int = 0
    exports: list[Export] = field(default_factory=list)
    deaths: int = 0
    death_causes: Counter[str] = field(default_factory=Counter)
    malformed: Counter[str] = field(default_factory=Counter)
    locks: LockReport | None = None
    unread: dict[str, int] = field(default_factory=dict)


def take_survey(
    client: t.Any, key: Keys, snapshot: Snapshot, limit: int, lock_age: float, heartbeat_timeout: float
) -> Survey:
    """Read at most `limit` jobs of each queue and set: of a queue those that run next, of a set those that are due first.

    Locks are audited only where the whole of all queues is within the limit. `lock_age` in seconds; `heartbeat_timeout`:
    how many seconds to wait at most for heartbeats where a lock seems to have no job.
    """
    survey, limit = Survey(), max(0, limit)
    for queue in snapshot.queues or ():
        _read_queue(client, key, queue.name, queue.size, limit, survey)
    _read_set(client, key(RETRY), "retry", limit, survey, _see_retry)
    _read_set(client, key(SCHEDULE), "scheduled", limit, survey, lambda _survey, _job: None)
    for work in snapshot.work or ():
        if work.job.display_class == BACKUP_WORKER:
            survey.exports.append(Export("running", _archive(work.job), work.job))
    for raw, _score in itertools.islice(set_members(client, key(DEAD)), limit):
        _count(parse(raw), "dead", survey)
    _read_deaths(client, key, snapshot.taken_at, survey)
    if snapshot.locks and not survey.unread:
        survey.locks = audit(client, key, snapshot.taken_at, lock_age, heartbeat_timeout)
    return survey


def _read_queue(client: t.Any, key: Keys, name: str, size: int, limit: int, survey: Survey) -> None:
    if size > limit:
        survey.unread[name] = size - limit
    classes = survey.queue_classes.setdefault(name, Counter())
    for ahead, raw in enumerate(itertools.islice(queue_members(client, key.queue(name)), limit)):
        job = parse(raw)
        _count(job, name, survey)
        classes[job.display_class or "?"] += 1
        if job.display_class == BACKUP_WORKER:
            survey.exports.append(Export("queue", _archive(job), job, ahead=ahead))


def _read_set(
    client: t.Any, key: bytes, name: str, limit: int, survey: Survey, see: t.Callable[[Survey, Job], None]
) -> None:
    for count, (raw, score) in enumerate(set_members(client, key)):
        if count >= limit:
            survey.unread[name] = max(1, client.zcard(key) - count)
            return
        job = parse(raw)
        _count(job, name, survey)
        see(survey, job)
        if job.display_class == BACKUP_WORKER:
            survey.exports.append(Export(name, _archive(job), job, due_at=number(score)))


def _see_retry(survey: Survey, job: Job) -> None:
    survey.retry_read += 1
    survey.retry_errors[job.error_class or "?"] += 1
    domain = remote_domain(job)
    if domain:
        survey.retry_domains[domain] += 1


def _read_deaths(client: t.Any, key: Keys, now: float, survey: Survey) -> None:
    since = repr(now - HOUR)
    batch = Batch(client)
    count = batch.ask("zcount", key(DEAD), since, "+inf")
    newest = batch.ask("zrevrangebyscore", key(DEAD), "+inf", since, start=0, num=_DEATHS_READ)
    batch.send()
    survey.deaths = count.get(0)
    for raw in newest.get(()):
        job = parse(raw)
        survey.death_causes[f"{job.display_class or '?'}: {job.error_class or '?'}"] += 1


def _count(job: Job, place: str, survey: Survey) -> None:
    if job.malformed:
        survey.malformed[place] += 1


def _archive(job: Job) -> str:
    return repr(job.args)
