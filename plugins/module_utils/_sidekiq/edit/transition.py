# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What becomes of a job: pure functions, one for each state that a task can ask for."""

from __future__ import annotations

import typing as t
import zlib
from dataclasses import dataclass

from ..state import payload
from ..state.job import Job
from ..traversal.location import Place

IN_TOLERANCE: t.Final = 60.0
"""Seconds by which a time given as a span from now may differ without a change: else no second run would be without one."""

ENDS_JOB: t.Final = frozenset({"absent", "dead", "unique"})
"""States after which nobody runs the job: its lock is freed, and what waits for it (a batch) would wait for ever."""


class Change(t.NamedTuple):
    """Where a job goes (a place's name, empty: nowhere), with which bytes and which score (epoch seconds)."""

    to: str
    new: bytes
    new_score: float | None = None


@dataclass(frozen=True)
class EditRequest:
    """What a task asks for. `now` and `at` in epoch seconds, `spread` in seconds.

    `versions` of the running Sidekiqs; `polled`: whether one of them moves due jobs.
    """

    state: str
    now: float
    to_queue: str = ""
    at: float | None = None
    at_is_relative: bool = False
    spread: float = 0.0
    versions: tuple[str | None, ...] = ()
    polled: bool = False


_GONE: t.Final = Change("", b"")


def change(request: EditRequest, job: Job, place: Place, score: float | None) -> Change | None:
    """The change of one job, None if it is as wanted already."""
    return _CHANGES[request.state](request, job, place, score)


def _out(_edit_request: EditRequest, job: Job, _place: Place, _score: float | None) -> Change | None:
    return _GONE


def _dead(request: EditRequest, job: Job, place: Place, _score: float | None) -> Change | None:
    return None if place.set == "dead" else Change("dead", job.raw, request.now)


def _moved(request: EditRequest, job: Job, place: Place, score: float | None) -> Change | None:
    target = f"queue:{request.to_queue}"
    if place.is_queue:
        return None if place.name == target else Change(target, payload.requeued(job, request.to_queue))
    return None if job.queue == request.to_queue else Change(place.name, payload.requeued(job, request.to_queue), score)


def _enqueued(request: EditRequest, job: Job, place: Place, score: float | None) -> Change | None:
    """Run now. A job with a unique lock, or one of many that are spread, goes through Sidekiq's own poller, which asks
    the lock; any other goes straight to its queue, as `SortedEntry#retry` does it, but in one atomic step."""
    if place.is_queue:
        return None
    give_back = place.set in ("retry", "dead")
    milliseconds = payload.writes_milliseconds(job, request.versions)
    if request.spread or (job.lock_digest and request.polled):
        if place.set != "dead":
            return _rescored(place, job, score, request.now, request)
        again = payload.tried_less(job)
        return Change("retry", again, request.now + _share(job, request.spread))
    return Change(f"queue:{job.queue or 'default'}", payload.pushed(job, request.now, milliseconds, give_back))


def _rescheduled(request: EditRequest, job: Job, place: Place, score: float | None) -> Change | None:
    at = request.now if request.at is None else request.at
    if place.set in ("retry", "scheduled"):
        return _rescored(place, job, score, at, request)
    return Change("scheduled", job.raw, at + _share(job, request.spread))


def _rescored(place: Place, job: Job, score: float | None, at: float, request: EditRequest) -> Change | None:
    tolerance = IN_TOLERANCE if request.at_is_relative else 0.001
    if score is not None:
        if request.state == "enqueued" and score <= at + request.spread:
            return None
        if request.state != "enqueued" and at - tolerance <= score <= at + request.spread + tolerance:
            return None
    return Change(place.name, job.raw, at + _share(job, request.spread))


def _share(job: Job, spread: float) -> float:
    """Its place within the spread: always the same for the same job, evenly distributed over many."""
    return spread * (zlib.crc32(job.raw) / 0xFFFFFFFF) if spread else 0.0


_CHANGES: t.Final[t.Mapping[str, t.Callable[[EditRequest, Job, Place, float | None], Change | None]]] = {
    "absent": _out,
    "unique": _out,
    "dead": _dead,
    "moved": _moved,
    "enqueued": _enqueued,
    "rescheduled": _rescheduled,
}
