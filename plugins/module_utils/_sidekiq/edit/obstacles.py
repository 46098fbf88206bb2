# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What keeps a job from going where an edit would put it: its unique lock is held by another job, or the set has its bytes.

sidekiq-unique-jobs drops a job without a word when Sidekiq's poller pushes it, or when it begins, while another one holds its
lock. A sorted set holds each member once, so a second one with the same bytes would be gone.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..errors import SidekiqError
from ..keys import SETS, Keys
from ..redis.batch import Answer, Batch
from ..state.job import Job
from ..traversal.location import Place, place_named, wrong_type
from .owned_locks import RUN, lock_names
from .transition import IN_TOLERANCE, Change, EditRequest

LOCKED: t.Final = "locked"
ALREADY_THERE: t.Final = "already_there"
_MASK: t.Final = 2**64 - 1


class Planned(t.NamedTuple):
    """A job, where it is, and what an edit would make of it; `becomes` is None if it is as wanted already."""

    job: Job
    place: Place
    becomes: Change | None


@dataclass(frozen=True)
class _Lock:
    """A unique lock that a job needs, and who holds it. `lasting`: also while the job only waits."""

    name: str
    lasting: bool
    own: Answer
    holders: Answer


class Obstacles:
    """Knows what the plan has decided so far, so that each decision is that of the run: jobs are asked about in their order."""

    def __init__(self, client: t.Any, key: Keys, request: EditRequest) -> None:
        self._client = client
        self._key = key
        self._edit_request = request
        self._coming: dict[str, set[int]] = {}
        self._targets: set[str] = set()
        self._promised: dict[str, set[str | None]] = {}

    def look(self, page: t.Sequence[Planned]) -> t.Callable[[int, bool], str | None]:
        """Ask Redis once about a page of jobs; returns what says why the one of an index cannot go (and notes that it goes).

        With the second argument, `force`, a lock is no reason.
        """
        batch = Batch(self._client)
        queues = self._ask_queues(batch, page)
        there = [self._ask_target(batch, planned) for planned in page]
        locks = [self._ask_locks(batch, planned) for planned in page]
        batch.send()
        for queue, answer in queues:
            if answer.of_another_type:
                raise SidekiqError(wrong_type(queue.key(self._key), "list"))

        def reason(index: int, force: bool) -> str | None:
            planned, answer = page[index], there[index]
            if answer is not None and self._is_there(planned, answer):
                return ALREADY_THERE
            if not force and any(self._is_taken(planned.job, lock) for lock in locks[index]):
                return LOCKED
            self._goes(planned, locks[index])
            return None

        return reason

    def _ask_queues(self, batch: Batch, page: t.Sequence[Planned]) -> list[tuple[Place, Answer]]:
        """The queues to which jobs go, each once: whether Redis can take them there."""
        fresh = {
            planned.becomes.to for planned in page if planned.becomes is not None and planned.becomes.to
        } - self._targets
        self._targets |= fresh
        queues = [place for place in map(place_named, sorted(fresh)) if place.is_queue]
        return [(queue, batch.ask("llen", queue.key(self._key))) for queue in queues]

    def _ask_target(self, batch: Batch, planned: Planned) -> Answer | None:
        """Whether the set to which it goes has the same bytes; None where that is no matter."""
        becomes = planned.becomes
        if becomes is None or not becomes.to or _stays(planned) or place_named(becomes.to).is_queue:
            return None
        return batch.ask("zscore", self._key(SETS[becomes.to]), becomes.new)

    def _is_there(self, planned: Planned, answer: Answer) -> bool:
        becomes = planned.becomes
        if becomes is None:
            return False
        return answer.get() is not None or hash(becomes.new) & _MASK in self._coming.get(becomes.to, ())

    def _ask_locks(self, batch: Batch, planned: Planned) -> list[_Lock]:
        digest = planned.job.lock_digest
        if not digest or not self._is_to_run(planned):
            return []
        names = [digest]
        if planned.job.payload.get("lock") == "until_and_while_executing" and not digest.endswith(RUN):
            names.append(lock_names(digest)[1])
        return [self._ask_lock(batch, name, planned.job) for name in names]

    def _ask_lock(self, batch: Batch, name: str, job: Job) -> _Lock:
        holders = self._key(name, ":LOCKED")
        return _Lock(
            name, not name.endswith(RUN), batch.ask("hexists", holders, job.jid or ""), batch.ask("hlen", holders)
        )

    def _is_to_run(self, planned: Planned) -> bool:
        """Whether the job asks for its lock now: it is to run, or does so anyway."""
        if self._edit_request.state == "enqueued":
            return True
        becomes = planned.becomes
        if self._edit_request.state != "rescheduled" or becomes is None or becomes.new_score is None:
            return False
        return becomes.new_score <= self._edit_request.now + IN_TOLERANCE

    def _is_taken(self, job: Job, lock: _Lock) -> bool:
        promised = self._promised.get(lock.name, set())
        if lock.own.get(0) or job.jid in promised:
            return False
        return int(lock.holders.get(0)) + len(promised) >= _limit(job)

    def _goes(self, planned: Planned, locks: t.Sequence[_Lock]) -> None:
        if (
            planned.becomes is not None
            and planned.becomes.to
            and not _stays(planned)
            and not place_named(planned.becomes.to).is_queue
        ):
            self._coming.setdefault(planned.becomes.to, set()).add(hash(planned.becomes.new) & _MASK)
        for lock in locks:
            if lock.lasting and not lock.own.get(0):
                self._promised.setdefault(lock.name, set()).add(planned.job.jid)


def _stays(planned: Planned) -> bool:
    """Whether it only gets another score."""
    return (
        planned.becomes is not None
        and planned.becomes.to == planned.place.name
        and planned.becomes.new == planned.job.raw
    )


def _limit(job: Job) -> int:
    """How many jobs may hold the lock (`lock_limit`)."""
    limit = job.payload.get("lock_limit")
    return limit if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0 else 1
