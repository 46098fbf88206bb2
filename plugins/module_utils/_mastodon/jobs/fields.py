# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A job as the modules return it, and as expressions see it."""

from __future__ import annotations

import typing as t

from ..._sidekiq.state.job import Job
from ..._sidekiq.times import iso
from ..._sidekiq.traversal.location import Place
from .worker_classes import remote_domain

Field = t.Callable[[Job, Place, t.Any, int], t.Any]

FIELDS: t.Final[t.Mapping[str, Field]] = {
    "class": lambda job, _place, _score, _position: job.display_class,
    "jid": lambda job, _place, _score, _position: job.jid,
    "queue": lambda job, _place, _score, _position: job.queue,
    "set": lambda _job, place, _score, _position: place.set,
    "position": lambda _job, _place, _score, position: position,
    "created_at": lambda job, _place, _score, _position: iso(job.created_at),
    "enqueued_at": lambda job, _place, _score, _position: iso(job.enqueued_at),
    "at": lambda _job, _place, score, _position: iso(score),
    "attempts": lambda job, _place, _score, _position: job.attempts,
    "error_class": lambda job, _place, _score, _position: job.error_class,
    "error_message": lambda job, _place, _score, _position: job.error_message,
    "domain": lambda job, _place, _score, _position: remote_domain(job),
    "tags": lambda job, _place, _score, _position: job.tags,
    "locked": lambda job, _place, _score, _position: job.lock_digest is not None,
    "malformed": lambda job, _place, _score, _position: job.malformed,
    "args": lambda job, _place, _score, _position: job.display_args,
}
"""From a job, its place, its score (None in a queue) and its position (from 0, the one that runs next)."""

PRIVATE: t.Final = frozenset({"args"})


def describe_job(
    job: Job, place: Place, score: float | None, position: int, names: t.Collection[str] | None = None
) -> dict[str, t.Any]:
    """The fields of these names; without names all but the private ones."""
    wanted = FIELDS.keys() - PRIVATE if names is None else names
    return {name: read(job, place, score, position) for name, read in FIELDS.items() if name in wanted}
