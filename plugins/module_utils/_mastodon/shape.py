# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A job as the modules return it, and as expressions see it."""

from __future__ import annotations

import typing as t

from .._sidekiq.job import Job
from .._sidekiq.place import Place
from .._sidekiq.times import iso
from .workers import remote_domain


def describe_job(job: Job, place: Place, score: float | None, position: int) -> dict[str, t.Any]:
    """Everything but the arguments. C(position) counts from 0, the job that runs next."""
    return {
        "class": job.display_class,
        "jid": job.jid,
        "queue": job.queue,
        "set": place.set,
        "position": position,
        "created_at": iso(job.created_at),
        "enqueued_at": iso(job.enqueued_at),
        "at": iso(score),
        "attempts": job.attempts,
        "error_class": job.error_class,
        "error_message": job.error_message,
        "domain": remote_domain(job),
        "tags": job.tags,
        "locked": job.lock_digest is not None,
        "malformed": job.malformed,
    }
