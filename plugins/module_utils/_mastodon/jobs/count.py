# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Counting jobs: histograms, duplicates, the oldest and the newest, and the first ones by some order."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import typing as t

from ..._sidekiq.keys import Keys
from ..._sidekiq.traversal.forked_worker import SecondProcess
from ..._sidekiq.traversal.location import Place
from ..._sidekiq.traversal.prefilter import Needles
from .duplicates import Fingerprints, fingerprint
from .histograms import Tally
from .selected import Selected
from .selector import Selector

_PAGE: t.Final = 500
_FOR_TWO: t.Final = 20_000  # jobs; for fewer a second process is not worth its start

Member = tuple[int, bytes, t.Optional[float]]
Page = tuple[int, str, bytes, list[Member]]
"""How many members were read before it; the set and the queue; the members."""


class Count:
    """What is known of the jobs that were added. `now` in epoch seconds; `limit` and `sort`: which to remember."""

    def __init__(self, selector: Selector, now: float, limit: int, sort: str) -> None:
        self._selector = selector
        self.needles = selector.needles
        self.tally = Tally(now)
        self.numbers = Fingerprints()
        self.oldest: float | None = None
        self.newest: float | None = None
        self._limit = max(0, limit)
        self._sort = sort
        self._first: list[tuple[float, int, Selected]] = []

    def add_page(self, page: Page) -> None:
        """Count those members of a page that are meant."""
        order, set_, queue, members = page
        place = Place(set_, queue)
        for position, raw, score in members:
            job = self._selector.match(raw, place, score, position)
            order += 1
            if job is None:
                continue
            moment = self.tally.add(job, place, score)
            self.numbers.add(fingerprint(job))
            if moment is not None:
                if self.oldest is None or moment < self.oldest:
                    self.oldest = moment
                if self.newest is None or moment > self.newest:
                    self.newest = moment
            rank = float(job.attempts) if self._sort == "attempts" else (moment or 0.0)
            if self._sort == "oldest":
                rank = -rank
            if len(self._first) < self._limit or self._limit and (rank, -order) > self._first[0][:2]:
                self._remember(rank, order, Selected(place, position, score, job))

    def _remember(self, rank: float, order: int, selected_job: Selected) -> None:
        heapq.heappush(self._first, (rank, -order, selected_job))
        if len(self._first) > self._limit:
            heapq.heappop(self._first)

    def first(self) -> list[Selected]:
        """The first jobs by the wanted order; of equals those that were read first."""
        return [
            selected_job for _rank, _order, selected_job in sorted(self._first, key=lambda item: item[:2], reverse=True)
        ]

    def part(self) -> t.Any:
        """All that was counted, as `merge` takes it."""
        return self.tally, self.numbers, self.oldest, self.newest, self._first

    def merge(self, part: t.Any) -> None:
        """Add what another one has counted."""
        tally, numbers, oldest, newest, first = part
        self.tally.merge(tally)
        self.numbers.merge(numbers)
        self.oldest = min((moment for moment in (self.oldest, oldest) if moment is not None), default=None)
        self.newest = max((moment for moment in (self.newest, newest) if moment is not None), default=None)
        for rank, order, selected_job in first:
            self._remember(rank, -order, selected_job)


def count_jobs(client: t.Any, key: Keys, places: t.Sequence[Place], count: Count) -> None:
    """Count all that is in these places, in two processes where it is much."""
    pages = _pages(client, key, places, count.needles)
    many = sum(place.size(client, key) for place in places) >= _FOR_TWO
    if not many or (os.cpu_count() or 1) < 2:
        for page in pages:
            count.add_page(page)
        return
    with contextlib.closing(SecondProcess(count.add_page, count.part)) as second:
        for page in pages:
            if second.is_free:
                second.give(page)
            else:
                count.add_page(page)
        count.merge(second.result())


def _pages(client: t.Any, key: Keys, places: t.Sequence[Place], needles: Needles) -> t.Iterator[Page]:
    order = 0
    for place in places:
        members = place.members(client, key, needles)
        while page := list(itertools.islice(members, _PAGE)):
            yield order, place.set, place.queue, page
            order += len(page)
