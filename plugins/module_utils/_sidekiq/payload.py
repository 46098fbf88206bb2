# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Payloads that are written anew, as Sidekiq's own client writes them.

Only what must change does: the order of the keys, unknown fields and the way times are written stay.
"""

from __future__ import annotations

import json
import typing as t

from .job import Job


def pack(payload: t.Mapping[str, t.Any]) -> bytes:
    """JSON without spaces and with UTF-8 as it is, as Ruby writes it; bytes that were no UTF-8 stay what they were."""
    written = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    try:
        return written.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can carry
        return json.dumps(payload, separators=(",", ":")).encode("ascii")


def pushed(job: Job, now: float, milliseconds: bool, give_back: bool) -> bytes:
    """The payload as C(Client#push) puts it into a queue now (epoch seconds).

    C(milliseconds): write times as Sidekiq 8 does. C(give_back): a try less counted, as C(SortedEntry#retry) does it.
    """
    payload = dict(job.payload)
    moment: float = int(now * 1000) if milliseconds else now
    if give_back and job.retry_count is not None:
        payload["retry_count"] = job.retry_count - 1
    payload.setdefault("created_at", moment)
    payload["enqueued_at"] = moment
    payload.pop("at", None)
    return pack(payload)


def tried_less(job: Job) -> bytes:
    """The payload with a try less counted."""
    return pack({**job.payload, **({} if job.retry_count is None else {"retry_count": job.retry_count - 1})})


def requeued(job: Job, queue: str) -> bytes:
    """The payload with another queue; nothing else changes."""
    return pack({**job.payload, "queue": queue})


def writes_milliseconds(job: Job, versions: t.Sequence[str | None]) -> bool:
    """Which unit new times of this job should have: that of the newest running Sidekiq, else that of the job itself.

    A process that says no version is older than 7.0.2.
    """
    if versions:
        majors = [(version or "").split(".")[0] for version in versions]
        return max(int(major) if major.isdecimal() and len(major) < 5 else 0 for major in majors) >= 8
    return isinstance(job.payload.get("created_at"), int)
