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
class Wish:
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


def change(wish: Wish, job: Job, place: Place, score: float | None) -> Change | None:
    """The change of one job, None if it is as wanted already."""
    return _CHANGES[wish.state](wish, job, place, score)


def _out(_wish: Wish, job: Job, _place: Place, _score: float | None) -> Change | None:
    return _GONE


def _dead(wish: Wish, job: Job, place: Place, _score: float | None) -> Change | None:
    return None if place.set == "dead" else Change("dead", job.raw, wish.now)


def _moved(wish: Wish, job: Job, place: Place, score: float | None) -> Change | None:
    target = f"queue:{wish.to_queue}"
    if place.is_queue:
        return None if place.name == target else Change(target, payload.requeued(job, wish.to_queue))
    return None if job.queue == wish.to_queue else Change(place.name, payload.requeued(job, wish.to_queue), score)


def _enqueued(wish: Wish, job: Job, place: Place, score: float | None) -> Change | None:
    """Run now. A job with a unique lock, or one of many that are spread, goes through Sidekiq's own poller, which asks
    the lock; any other goes straight to its queue, as `SortedEntry#retry` does it, but in one atomic step."""
    if place.is_queue:
        return None
    give_back = place.set in ("retry", "dead")
    milliseconds = payload.writes_milliseconds(job, wish.versions)
    if wish.spread or (job.lock_digest and wish.polled):
        if place.set != "dead":
            return _rescored(place, job, score, wish.now, wish)
        again = payload.tried_less(job)
        return Change("retry", again, wish.now + _share(job, wish.spread))
    return Change(f"queue:{job.queue or 'default'}", payload.pushed(job, wish.now, milliseconds, give_back))


def _rescheduled(wish: Wish, job: Job, place: Place, score: float | None) -> Change | None:
    at = wish.now if wish.at is None else wish.at
    if place.set in ("retry", "scheduled"):
        return _rescored(place, job, score, at, wish)
    return Change("scheduled", job.raw, at + _share(job, wish.spread))


def _rescored(place: Place, job: Job, score: float | None, at: float, wish: Wish) -> Change | None:
    tolerance = IN_TOLERANCE if wish.at_is_relative else 0.001
    if score is not None:
        if wish.state == "enqueued" and score <= at + wish.spread:
            return None
        if wish.state != "enqueued" and at - tolerance <= score <= at + wish.spread + tolerance:
            return None
    return Change(place.name, job.raw, at + _share(job, wish.spread))


def _share(job: Job, spread: float) -> float:
    """Its place within the spread: always the same for the same job, evenly distributed over many."""
    return spread * (zlib.crc32(job.raw) / 0xFFFFFFFF) if spread else 0.0


_CHANGES: t.Final[t.Mapping[str, t.Callable[[Wish, Job, Place, float | None], Change | None]]] = {
    "absent": _out,
    "unique": _out,
    "dead": _dead,
    "moved": _moved,
    "enqueued": _enqueued,
    "rescheduled": _rescheduled,
}
