# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How long a job has been where it is."""

from __future__ import annotations

import typing as t
from bisect import bisect_right
from collections.abc import Mapping

from ..times import epoch
from .job import Job

BUCKETS: t.Final = (("1m", 60.0), ("10m", 600.0), ("1h", 3600.0), ("6h", 21600.0), ("1d", 86400.0), ("7d", 604800.0))
"""Names of the classes of the age histogram and their upper ends in seconds; what is older is `older`."""


def since(job: Job, place: str, score: float | None) -> float | None:
    """Epoch seconds since when a job is in its place: queued, last failed, scheduled (created), or dead."""
    if place == "queues":
        return epoch(job.payload.get("enqueued_at")) or epoch(job.payload.get("created_at"))
    if place == "dead":
        return score
    return job.retried_at or job.failed_at if place == "retry" else job.created_at


_NAMES: t.Final = (*(name for name, _end in BUCKETS), "older")
_ENDS: t.Final = tuple(end for _name, end in BUCKETS)


def bucket(seconds: float | None) -> str:
    """Its class in the histogram."""
    return "unknown" if seconds is None else _NAMES[bisect_right(_ENDS, seconds)]


def ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """The histogram from young to old."""
    return {name: counts[name] for name in (*_NAMES, "unknown") if counts.get(name)}
