# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Editing jobs: which are meant, what becomes of each, and doing it. Read, plan, apply."""

from __future__ import annotations

import hashlib
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ..._sidekiq.archive.format import MAX_JOB, MOST, Entry
from ..._sidekiq.archive.spool import Spool
from ..._sidekiq.archive.writer import Writer
from ..._sidekiq.bitmap import has_bit
from ..._sidekiq.edit.extract import TAKEN, Outcome, Taker, announced
from ..._sidekiq.edit.obstacles import Obstacles, Planned
from ..._sidekiq.edit.rotation import TURN, finish
from ..._sidekiq.edit.transition import ENDS_JOB, Change, EditRequest, change
from ..._sidekiq.errors import SidekiqError
from ..._sidekiq.keys import Keys
from ..._sidekiq.redis.batch import Batch
from ..._sidekiq.state.job import Job, parse
from ..._sidekiq.traversal.location import Place, place_named
from ..runbook.edits import Run, forget_archive, name_archive
from .duplicates import Fingerprints, fingerprint
from .histograms import Tally
from .selector import Selector

_PAGE = 500
_PAGE_BYTES = 1_000_000


class Selected(t.NamedTuple):
    """A job that is meant, where it is."""

    place: Place
    position: int
    score: float | None
    job: Job


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


class Record:
    """The archive of an edit, and its entries as the steps need them. `run`: the run that is to name it."""

    def __init__(self, archive: Writer, directory: str, run: Run | None = None) -> None:
        self.archive = archive
        self._directory = directory
        self._run = run
        self._named = False
        self._spool: Spool | None = None

    @property
    def spool(self) -> Spool:
        if self._spool is None:
            self._spool = Spool(self._directory)
        return self._spool

    def add(self, entries: list[Entry]) -> None:
        first = self.archive.entries
        for entry in entries:
            self.archive.add(entry)
        self.spool.add(range(first, self.archive.entries), entries)

    def seal(self, client: t.Any, key: Keys) -> None:
        """Say that all entries are in: to Redis, to the disk and to the record of the run. Nothing may leave Redis before."""
        if self.archive.entries:
            with announced(client, key, TAKEN + self.archive.id):
                self.archive.seal()
                if self._run is not None:
                    self._named = True  # perhaps, if this fails
                    name_archive(self._run, self.archive.path)

    def discard(self) -> None:
        """Remove an archive of which nothing was taken out; first from the record, which else would name what is gone."""
        if self._run is not None and self._named:
            forget_archive(self._run, self.archive.path)
        self.archive.discard()

    def close(self) -> None:
        self.archive.close()
        if self._spool is not None:
            self._spool.close()


class TooMany(SidekiqError):
    """More jobs would be edited than the task allows."""


def settle(client: t.Any, key: Keys, places: t.Iterable[Place]) -> None:
    """Bring to an end what an edit that was killed began, so that its queues are in their order again."""
    batch = Batch(client)
    turning = [(place, batch.ask("exists", key(TURN, place.queue))) for place in places if place.is_queue]
    batch.send()
    for place, answer in turning:
        if answer.get(0):
            finish(client, key, place)


def selected(client: t.Any, key: Keys, selector: Selector, places: t.Iterable[Place]) -> t.Iterator[Selected]:
    """The jobs that are meant, of each place in the order in which they run."""
    for place in places:
        for position, raw, score in place.members(client, key, selector.needles):
            job = selector.match(raw, place, score, position)
            if job is not None:
                yield Selected(place, position, score, job)


def plan(
    client: t.Any,
    key: Keys,
    jobs: t.Iterable[Selected],
    request: EditRequest,
    force: bool,
    max_jobs: int | None,
    limit: int | None,
    record: Record | None,
) -> Plan:
    """Decide on every job; outside check mode record those that change.

    Raises TooMany as soon as more than `max_jobs` would change. `limit` leaves out what comes after so many.
    """
    found = Plan(Tally(request.now))
    page: list[tuple[Job, Entry]] = []
    for one, becomes, reason in _decided(client, key, jobs, request, force):
        place, position, score, job = one
        found.matched += 1
        if reason:
            found.kept[reason] += 1
            continue
        if becomes is None:
            found.unchanged += 1
            continue
        if limit is not None and found.edited.total >= limit:
            found.complete = False
            continue
        if max_jobs is not None and found.edited.total >= max_jobs:
            raise TooMany(
                f"More than max_jobs ({max_jobs}) jobs would be edited; nothing was touched. Narrow the selection or raise max_jobs."
            )
        found.edited.add(job, place, score)
        found.after[becomes.to] += 1
        page.append((job, Entry(place.name, job.raw, score, position, *becomes)))
        if len(page) >= _PAGE:
            _note(client, key, page, request, found, record)
            page = []
    _note(client, key, page, request, found, record)
    return found


def apply(record: Record, taker: Taker) -> bytes:
    """Carry out what stands in the sealed archive, and write down how it ended. Without a single edit there is no archive.

    Redis keeps its bitmap: by it the archive is known there, and what Redis itself has lost of the edit.
    """
    taker.take(record.spool.entries())
    taken = taker.taken()
    taker.outcome.settle(taken)
    if taker.outcome.taken:
        record.archive.outcome(taken)
    else:
        record.discard()
        taker.forget()
    return taken


def take_back(found: Plan, record: Record, outcome: Outcome, taken: bytes) -> None:
    """Take those out of the plan that were not edited."""
    rest = [*outcome.gone, *outcome.stayed] if outcome.complete and not outcome.undone else record.spool.entries()
    for number, entry in rest:
        if not has_bit(taken, number):
            found.edited.add(parse(entry.raw), place_named(entry.place), entry.score, -1)
            found.after[entry.to] -= 1


def without_oldest(jobs: t.Callable[[], t.Iterable[Selected]]) -> t.Iterator[Selected]:
    """Of jobs of the same class and arguments all but the oldest; reads them twice, and once more to find which repeat."""
    numbers = Fingerprints()
    for one in jobs():
        numbers.add(fingerprint(one.job))
    repeated = {number for number, _count in numbers.repeated()}
    if not repeated:
        return
    oldest: dict[int, tuple[float, int, str | bytes]] = {}
    for order, one in enumerate(jobs()):
        number = fingerprint(one.job)
        if number is not None and number in repeated:
            age = (one.job.created_at or 0.0, order, _identity(one.job))
            if number not in oldest or age < oldest[number]:
                oldest[number] = age
    spared = set()
    for one in jobs():
        number = fingerprint(one.job)
        if number is None or number not in oldest:
            continue
        # by what it is and not by where it stood: workers fetch while this reads, and the poller moves jobs
        if number not in spared and oldest[number][2] == _identity(one.job):
            spared.add(number)
        else:
            yield one


def _identity(job: Job) -> str | bytes:
    return job.jid or hashlib.blake2b(job.raw, digest_size=16).digest()


def _decided(
    client: t.Any, key: Keys, jobs: t.Iterable[Selected], request: EditRequest, force: bool
) -> t.Iterator[tuple[Selected, Change | None, str | None]]:
    """Each job with what becomes of it and why it is kept; by pages, as Redis is asked what is in their way."""
    obstacles = Obstacles(client, key, request)
    for page in _pages(jobs):
        kept = [_reason_to_keep(one, request, force) for one in page]
        changes = [None if why else change(request, one.job, one.place, one.score) for one, why in zip(page, kept)]
        reason = obstacles.look([Planned(one.job, one.place, becomes) for one, becomes in zip(page, changes)])
        for index, one in enumerate(page):
            becomes = changes[index]
            yield one, becomes, kept[index] or _in_the_way(reason(index, force), becomes)


def _in_the_way(reason: str | None, becomes: Change | None) -> str | None:
    """What is as wanted already is not kept, but what it holds or will hold is in the way of others."""
    return None if becomes is None else reason


def _pages(jobs: t.Iterable[Selected]) -> t.Iterator[list[Selected]]:
    """Jobs by hundreds, fewer where they are large."""
    page: list[Selected] = []
    size = 0
    for one in jobs:
        page.append(one)
        size += len(one.job.raw)
        if len(page) >= _PAGE or size >= _PAGE_BYTES:
            yield page
            page, size = [], 0
    if page:
        yield page


def _could_run(job: Job) -> bool:
    """Whether Sidekiq's client would take it: a class and a list of arguments (sidekiq job_util.rb, `validate`)."""
    return job.worker_class is not None and isinstance(job.payload.get("args"), list)


def _reason_to_keep(one: Selected, request: EditRequest, force: bool) -> str | None:
    if not one.place.has_name:  # what is taken out of it could not be put back
        return "queue_name"
    if len(one.job.raw) > MAX_JOB:  # nor could this one
        return "too_large"
    if request.state in ("enqueued", "moved") and one.job.malformed:  # what is no object cannot be written anew
        return "malformed"
    if force:
        return None
    if one.place.private:
        return "private_queue"
    if request.state in ENDS_JOB and one.job.batch:
        return "batch"
    if request.state in ENDS_JOB and one.job.encrypted:
        return "encrypted"
    if request.state in ("enqueued", "moved") and not _could_run(one.job):
        return "malformed"
    return None


def _note(
    client: t.Any,
    key: Keys,
    page: list[tuple[Job, Entry]],
    request: EditRequest,
    found: Plan,
    record: Record | None,
) -> None:
    locks = _owned_locks(client, key, page) if request.state in ENDS_JOB else {}
    # two members of one job hold one lock, and the first that leaves frees it
    found.freed.update(hash((_both(lock["digest"])[0], lock["jid"])) for lock in locks.values())
    if record is not None and page:
        entries = [entry for _job, entry in page]
        for index, lock in locks.items():
            entries[index] = entries[index]._replace(lock=lock)
        record.add(entries)


def _owned_locks(client: t.Any, key: Keys, page: list[tuple[Job, Entry]]) -> dict[int, dict[str, t.Any]]:
    """The unique locks that these jobs themselves hold; not those that are meant to outlive the job (until_expired)."""
    batch = Batch(client)
    asked = {}
    for index, (job, _entry) in enumerate(page):
        digest = job.lock_digest
        jid = job.jid if digest else None
        if digest and jid and job.payload.get("lock") != "until_expired":
            holders = [key(name, ":LOCKED") for name in _both(digest)]
            asked[index] = [(batch.ask("hexists", name, jid), batch.ask("pttl", name)) for name in holders]
    batch.send()
    owned = {}
    for index, answers in asked.items():
        times = [int(ttl.get(0)) for held, ttl in answers if held.get(0)]
        if times:
            job = page[index][0]
            owned[index] = {"digest": job.lock_digest, "jid": job.jid, "ttl_ms": min(MOST, max(0, *times))}
    return owned


def _both(digest: str) -> tuple[str, str]:
    base = digest[: -len(":RUN")] if digest.endswith(":RUN") else digest
    return base, f"{base}:RUN"
