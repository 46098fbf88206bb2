# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Jobs that build archives, wherever Sidekiq keeps them, and how fast the queue before them empties."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ..._sidekiq.keys import Keys
from ..._sidekiq.redis.batch import run_reader
from ..._sidekiq.redis.clock import redis_time
from ..._sidekiq.state.job import Job, parse
from ..._sidekiq.state.process import Process, Work, read_processes
from ..._sidekiq.traversal.location import Place, check_types, queue_places
from ..._sidekiq.traversal.prefilter import Needles
from ..jobs.worker_classes import BACKUP_WORKER

_NEEDLE: t.Final = Needles([BACKUP_WORKER.encode()])
_SAMPLE: t.Final = 2000


@dataclass(frozen=True)
class BackupJob:
    """A job for an archive. `place`: retry, scheduled, queues or running. `backup_id`: None where its argument is no number.

    `position`: jobs that its queue hands out before it. `at`: when its set hands it out, epoch seconds.
    `work` and `process`: where it runs; the process is None when it is gone.
    """

    backup_id: int | None
    place: str
    job: Job
    queue: str | None = None
    position: int | None = None
    at: float | None = None
    work: Work | None = None
    process: Process | None = None

    @property
    def jid(self) -> str:
        return self.job.jid or "?"


@dataclass(frozen=True)
class BackupJobs:
    """Those that wait or run, each once, and the processes of that moment. `read_at`: when it was begun, epoch seconds of Redis."""

    jobs: tuple[BackupJob, ...]
    processes: tuple[Process, ...]
    read_at: float


def find_backup_jobs(client: t.Any, key: Keys) -> BackupJobs:
    """Look into the sets, then the queues, then what runs: the way that a job goes, so that none is missed on its way.

    What runs is known as of the last heartbeat (5 or 10 seconds): a job that is also seen waiting was given back since.
    """
    read_at = redis_time(client)
    by_jid: dict[str, BackupJob] = {}
    places = (Place("retry"), Place("scheduled"), *queue_places(client, key))
    check_types(client, key, places)
    for place in places:
        for position, raw, score in place.members(client, key, _NEEDLE):
            job = parse(raw)
            if job.worker_class != BACKUP_WORKER:
                continue
            queue = place.label if place.is_queue else job.queue
            backup_job = BackupJob(_backup_id(job), place.set, job, queue, position if place.is_queue else None, score)
            by_jid[backup_job.jid] = backup_job  # the last place on its way is where it is
    processes, work = run_reader(client, lambda batch: read_processes(batch, key, lambda: read_at))
    by_identity = {process.identity: process for process in processes if process.alive}
    for running in work:
        job = running.job
        if job.worker_class == BACKUP_WORKER and (job.jid or "?") not in by_jid:
            by_jid[job.jid or "?"] = BackupJob(
                _backup_id(job),
                "running",
                job,
                running.queue,
                work=running,
                process=by_identity.get(running.identity),
            )
    return BackupJobs(tuple(by_jid.values()), tuple(processes), read_at)


def drain_rate(client: t.Any, key: Keys, queue: str, seconds: float) -> float | None:
    """Jobs a second that leave a queue at its tail, watched for so long; None where nothing was waiting there.

    A lower bound where more left than are looked at.
    """
    stored = key.queue(queue)
    before = client.lrange(stored, -_SAMPLE, -1)
    began = time.monotonic()
    if not before:
        return None
    time.sleep(seconds)
    tail = client.lrange(stored, -1, -1)
    elapsed = time.monotonic() - began
    if not tail:
        return len(before) / elapsed
    for left, member in enumerate(reversed(before)):
        if member == tail[0]:
            return left / elapsed
    return len(before) / elapsed


def _backup_id(job: Job) -> int | None:
    first = job.args[0] if job.args else None
    if isinstance(first, str) and first.isascii() and first.isdigit() and len(first) < 19:
        first = int(first)
    return first if isinstance(first, int) and not isinstance(first, bool) and 0 < first < 2**63 else None
