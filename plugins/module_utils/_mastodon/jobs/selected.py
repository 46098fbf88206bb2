# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The jobs that a selector means, read from Redis in the order in which they run."""

from __future__ import annotations

import hashlib
import typing as t

from ..._sidekiq.keys import Keys
from ..._sidekiq.state.job import Job
from ..._sidekiq.traversal.location import Place
from .duplicates import Fingerprints, fingerprint
from .selector import Selector


class Selected(t.NamedTuple):
    """A job that is meant, where it is."""

    place: Place
    position: int
    score: float | None
    job: Job


def selected(client: t.Any, key: Keys, selector: Selector, places: t.Iterable[Place]) -> t.Iterator[Selected]:
    """The jobs that are meant, of each place in the order in which they run."""
    for place in places:
        for position, raw, score in place.members(client, key, selector.needles):
            job = selector.match(raw, place, score, position)
            if job is not None:
                yield Selected(place, position, score, job)


def without_oldest(read_jobs: t.Callable[[], t.Iterable[Selected]]) -> t.Iterator[Selected]:
    """Of jobs of the same class and arguments all but the oldest; reads them twice, and once more to find which repeat."""
    fingerprints = Fingerprints()
    for selected_job in read_jobs():
        fingerprints.add(fingerprint(selected_job.job))
    repeated = {number for number, _count in fingerprints.repeated()}
    if not repeated:
        return
    oldest: dict[int, tuple[float, int, str | bytes]] = {}
    for order, selected_job in enumerate(read_jobs()):
        number = fingerprint(selected_job.job)
        if number is not None and number in repeated:
            age = (selected_job.job.created_at or 0.0, order, _identity(selected_job.job))
            if number not in oldest or age < oldest[number]:
                oldest[number] = age
    spared = set()
    for selected_job in read_jobs():
        number = fingerprint(selected_job.job)
        if number is None or number not in oldest:
            continue
        # Compare by identity, not by position: workers fetch while this reads, and the poller moves jobs.
        if number not in spared and oldest[number][2] == _identity(selected_job.job):
            spared.add(number)
        else:
            yield selected_job


def _identity(job: Job) -> str | bytes:
    return job.jid or hashlib.blake2b(job.raw, digest_size=16).digest()
