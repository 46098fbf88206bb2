# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Planning an edit: which jobs change and how, and which are kept. Reads Redis and writes nothing."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ..._sidekiq.archive.format import MAX_JOB, Entry
from ..._sidekiq.edit.obstacles import Obstacles, Planned
from ..._sidekiq.edit.owned_locks import lock_names, read_owned_locks
from ..._sidekiq.edit.transition import ENDS_JOB, Change, EditRequest, change
from ..._sidekiq.errors import SidekiqError
from ..._sidekiq.keys import Keys
from ..._sidekiq.state.job import Job
from .histograms import Tally
from .selected import Selected

_PAGE = 500
_PAGE_BYTES = 1_000_000

Decision = tuple[Selected, t.Optional[Change], t.Optional[str]]
"""A job, what becomes of it (None: it is as wanted already), and why it is kept (None: it is not)."""


@dataclass(frozen=True)
class Limits:
    """How much an edit may do. `limit`: jobs that change at most; `max_jobs`: more than these are refused.

    `force`: also jobs that are kept otherwise.
    """

    limit: int | None = None
    max_jobs: int | None = None
    force: bool = False


@dataclass
class Plan:
    """What an edit will do. `edited`: histograms of the jobs that change; `unchanged`: those that are as wanted already.

    `freed`: the unique locks that are freed with their jobs, each as a number for its digest and its holder.
    """

    edited: Tally
    matched: int = 0
    unchanged: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    freed: set[int] = field(default_factory=set)
    complete: bool = True
    after: Counter[str] = field(default_factory=Counter)


class TooMany(SidekiqError):
    """More jobs would be edited than the task allows."""


def plan_edit(
    client: t.Any, key: Keys, jobs: t.Iterable[Selected], request: EditRequest, limits: Limits, plan: Plan
) -> t.Iterator[list[Entry]]:
    """The jobs that change, page by page as entries of an archive. `plan` counts along, and is complete at the end.

    A million jobs do not fit into memory, so the caller takes each page. Raises TooMany as soon as more jobs than
    `max_jobs` would change.
    """
    page: list[tuple[Job, Entry]] = []
    for decision in _decisions(client, key, jobs, request, limits.force):
        entry = _count(decision, limits, plan)
        if entry is not None:
            page.append((decision[0].job, entry))
        if len(page) >= _PAGE:
            yield _with_locks(client, key, page, request, plan)
            page = []
    if page:
        yield _with_locks(client, key, page, request, plan)


def _count(decision: Decision, limits: Limits, plan: Plan) -> Entry | None:
    """The entry of a job that changes, None for others; `plan` counts both."""
    (place, position, score, job), becomes, reason = decision
    plan.matched += 1
    if reason:
        plan.kept[reason] += 1
        return None
    if becomes is None:
        plan.unchanged += 1
        return None
    if limits.limit is not None and plan.edited.total >= limits.limit:
        plan.complete = False
        return None
    if limits.max_jobs is not None and plan.edited.total >= limits.max_jobs:
        raise TooMany(
            f"More than max_jobs ({limits.max_jobs}) jobs would be edited; nothing was touched."
            " Narrow the selection or raise max_jobs."
        )
    plan.edited.add(job, place, score)
    plan.after[becomes.to] += 1
    return Entry(place.name, job.raw, score, position, *becomes)


def _decisions(
    client: t.Any, key: Keys, jobs: t.Iterable[Selected], request: EditRequest, force: bool
) -> t.Iterator[Decision]:
    """What becomes of each job; in pages, as Redis is asked what is in their way."""
    obstacles = Obstacles(client, key, request)
    for page in _pages(jobs):
        kept = [_reason_to_keep(selected_job, request, force) for selected_job in page]
        changes = [
            None if reason else change(request, selected_job.job, selected_job.place, selected_job.score)
            for selected_job, reason in zip(page, kept)
        ]
        obstacle_to = obstacles.look(
            [Planned(selected_job.job, selected_job.place, becomes) for selected_job, becomes in zip(page, changes)]
        )
        for index, selected_job in enumerate(page):
            becomes, reason = changes[index], kept[index]
            if reason is None:
                # asked also about a job that is as wanted already: it is not kept, but may be in the way of later jobs
                obstacle = obstacle_to(index, force)
                reason = None if becomes is None else obstacle
            yield selected_job, becomes, reason


def _pages(jobs: t.Iterable[Selected]) -> t.Iterator[list[Selected]]:
    """Jobs by hundreds, fewer where they are large."""
    page: list[Selected] = []
    size = 0
    for selected_job in jobs:
        page.append(selected_job)
        size += len(selected_job.job.raw)
        if len(page) >= _PAGE or size >= _PAGE_BYTES:
            yield page
            page, size = [], 0
    if page:
        yield page


def _could_run(job: Job) -> bool:
    """Whether Sidekiq's client would take it: a class and a list of arguments (sidekiq job_util.rb, `validate`)."""
    return job.worker_class is not None and isinstance(job.payload.get("args"), list)


def _reason_to_keep(selected_job: Selected, request: EditRequest, force: bool) -> str | None:
    place, _position, _score, job = selected_job
    if not place.has_name:  # a job removed from it could not be restored
        return "queue_name"
    if len(job.raw) > MAX_JOB:  # nor could this one
        return "too_large"
    if request.state in ("enqueued", "moved") and job.malformed:  # what is no object cannot be written anew
        return "malformed"
    if force:
        return None
    if place.private:
        return "private_queue"
    if request.state in ENDS_JOB and job.batch:
        return "batch"
    if request.state in ENDS_JOB and job.encrypted:
        return "encrypted"
    if request.state in ("enqueued", "moved") and not _could_run(job):
        return "malformed"
    return None


def _with_locks(
    client: t.Any, key: Keys, page: list[tuple[Job, Entry]], request: EditRequest, plan: Plan
) -> list[Entry]:
    """The entries of a page, each with the unique lock that is freed with its job."""
    entries = [entry for _job, entry in page]
    if request.state in ENDS_JOB:
        for index, lock in read_owned_locks(client, key, [job for job, _entry in page]).items():
            # two members of one job hold one lock, and the first that leaves frees it
            plan.freed.add(hash((lock_names(lock["digest"])[0], lock["jid"])))
            entries[index] = entries[index]._replace(lock=lock)
    return entries
