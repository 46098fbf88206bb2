# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Carrying out an edit that is planned, from a job archive that is sealed."""

from __future__ import annotations

import typing as t

from ..._sidekiq.archive.spool import Spool
from ..._sidekiq.bitmap import has_bit
from ..._sidekiq.edit.extract import Outcome, Taker
from ..._sidekiq.edit.job_archive import JobArchive
from ..._sidekiq.edit.rotation import TURN, finish
from ..._sidekiq.keys import Keys
from ..._sidekiq.redis.batch import Batch
from ..._sidekiq.state.job import parse
from ..._sidekiq.traversal.location import Place, place_named
from .edit_plan import Plan


def settle(client: t.Any, key: Keys, places: t.Iterable[Place]) -> None:
    """Bring to an end what an edit that was killed began, so that its queues are in their order again."""
    batch = Batch(client)
    turning = [(place, batch.ask("exists", key(TURN, place.queue))) for place in places if place.is_queue]
    batch.send()
    for place, answer in turning:
        if answer.get(0):
            finish(client, key, place)


def apply(archive: JobArchive, spool: Spool, taker: Taker) -> bytes:
    """Remove the entries of a sealed archive, and write the outcome; returns which were removed, as a bitmap.

    An archive of which nothing was removed is discarded. Of others Redis keeps the bitmap: it shows that Redis knows the
    archive, and whether Redis has lost data of the edit since.
    """
    taker.take(spool.entries())
    taken = taker.taken()
    taker.outcome.settle(taken)
    if taker.outcome.taken:
        archive.outcome(taken)
    else:
        archive.discard()
    return taken


def subtract_kept(plan: Plan, spool: Spool, outcome: Outcome, taken: bytes) -> None:
    """Subtract the jobs that were not edited from the counts of the plan."""
    whole = outcome.complete and not outcome.undone
    for number, entry in [*outcome.gone, *outcome.stayed] if whole else spool.entries():
        if not has_bit(taken, number):
            plan.edited.add(parse(entry.raw), place_named(entry.place), entry.score, -1)
            plan.after[entry.to] -= 1
