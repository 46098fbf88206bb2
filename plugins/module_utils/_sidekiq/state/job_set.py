# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The sorted sets of jobs: retry and scheduled (score: when it runs), dead (score: when it died)."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..keys import SETS, Keys
from ..redis.batch import Batch, Reader
from ..times import number


@dataclass(frozen=True)
class JobSet:
    """A sorted set. `oldest_at` and `newest_at`: lowest and highest score, epoch seconds. `due`: members whose time has come."""

    name: str
    size: int
    oldest_at: float | None
    newest_at: float | None
    due: int


def read_sets(batch: Batch, key: Keys, now: t.Callable[[], float]) -> Reader[dict[str, JobSet]]:
    """All three; two round trips, as what is due depends on the clock of Redis."""
    asked = {
        name: (
            batch.ask("zcard", key(stored)),
            batch.ask("zrange", key(stored), 0, 0, withscores=True),
            batch.ask("zrange", key(stored), -1, -1, withscores=True),
        )
        for name, stored in SETS.items()
    }
    yield
    due = {name: batch.ask("zcount", key(SETS[name]), "-inf", repr(now())) for name in ("retry", "scheduled")}
    yield
    return {
        name: JobSet(name, size.get(0), _score(first), _score(last), due[name].get(0) if name in due else 0)
        for name, (size, first, last) in asked.items()
    }


def _score(answer: t.Any) -> float | None:
    rows = answer.get(())
    return number(rows[0][1]) if rows else None
