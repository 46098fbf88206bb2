# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Counting jobs by what an admin asks about."""

from __future__ import annotations

import typing as t
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from ..._sidekiq.state.age import bucket, ordered, since
from ..._sidekiq.state.job import Job
from ..._sidekiq.traversal.location import Place
from .worker_classes import remote_domain

NO_CLASS: t.Final = "(no job)"
_NAMES: t.Final = ("by_set", "by_queue", "by_class", "by_domain", "by_error", "by_age")
_LONG: t.Final = ("by_domain", "by_error")
_FIRST = 1000


def _none_yet() -> defaultdict[tuple[str | None, ...], int]:
    return defaultdict(int)


@dataclass
class Tally:
    """Histograms. `now` in epoch seconds."""

    now: float
    total: int = 0
    _counts: defaultdict[tuple[str | None, ...], int] = field(default_factory=_none_yet)

    def add(self, job: Job, place: Place, score: float | None, number: int = 1) -> float | None:
        """Count a job `number` times; `-1` takes it back. Returns since when it is there, see `age.since`."""
        self.total += number
        moment = since(job, place.set, score)
        features = (
            place.set,
            place.label if place.is_queue else job.queue,
            job.display_class,
            remote_domain(job),
            job.error_class,
            bucket(None if moment is None else self.now - moment),
        )
        self._counts[features] += number
        return moment

    def merge(self, other: Tally) -> None:
        """Add what another one has counted."""
        self.total += other.total
        for features, number in other._counts.items():
            self._counts[features] += number

    def histograms(self) -> dict[str, dict[str, int]]:
        """As the modules return them, the most frequent first; of domains and errors the first thousand."""
        sums: list[Counter[str]] = [Counter() for _name in _NAMES]
        for features, count in self._counts.items():
            features = (*features[:2], features[2] or NO_CLASS, *features[3:])
            for total, feature in zip(sums, features):
                if feature is not None:
                    total[feature] += count
        by = dict(zip(_NAMES, sums))
        return {
            **{name: _most(by[name], _FIRST if name in _LONG else None) for name in _NAMES[:-1]},
            "by_age": ordered(by["by_age"]),
        }


def _most(counter: Counter[str], number: int | None = None) -> dict[str, int]:
    ranked = sorted(((name, count) for name, count in counter.items() if count), key=lambda item: (-item[1], item[0]))
    return dict(ranked[:number])
