# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Payloads that are written anew, as Sidekiq's own client writes them.

Only what must change does: the order of the keys, unknown fields and the way times are written stay.
"""

from __future__ import annotations

import json
import re
import typing as t

from .job import Job

_strict = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_loose = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_INFINITY = re.compile(r'("(?:[^"\\]|\\.)*")|Infinity')
_HALF = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")  # surrogates that stand for no byte


def pack(payload: t.Mapping[str, t.Any], raw: bytes = b"") -> bytes:
    """JSON without spaces and with UTF-8 as it is, as Ruby writes it.

    `raw` is what it was read from: bytes there that are no UTF-8 stay what they were. Half a surrogate pair, which else
    only an escape can carry, stays an escape, and a number too large for a float stays too large.
    """
    try:
        written = _strict(payload)
    except ValueError:  # Infinity is no JSON
        written = _INFINITY.sub(lambda found: found[0] if found[1] else "1e999", _loose(payload))
    try:
        return written.encode("utf-8")
    except UnicodeEncodeError:
        pass
    if _is_utf8(raw):
        return written.encode("utf-8", "backslashreplace")
    return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", written).encode("utf-8", "surrogateescape")


def pushed(job: Job, now: float, milliseconds: bool, give_back: bool) -> bytes:
    """The payload as `Client#push` puts it into a queue now (epoch seconds).

    `milliseconds`: write times as Sidekiq 8 does. `give_back`: a try less counted, as `SortedEntry#retry` does it.
    """
    payload = dict(job.payload)
    moment: float = int(now * 1000) if milliseconds else now
    if give_back and job.retry_count is not None:
        payload["retry_count"] = job.retry_count - 1
    if payload.get("created_at") is None:
        payload["created_at"] = moment
    payload["enqueued_at"] = moment
    payload.pop("at", None)
    return pack(payload, job.raw)


def tried_less(job: Job) -> bytes:
    """The payload with a try less counted."""
    count = {} if job.retry_count is None else {"retry_count": job.retry_count - 1}
    return pack({**job.payload, **count}, job.raw)


def requeued(job: Job, queue: str) -> bytes:
    """The payload with another queue; nothing else changes."""
    return pack({**job.payload, "queue": queue}, job.raw)


def writes_milliseconds(job: Job, versions: t.Sequence[str | None]) -> bool:
    """Which unit new times of this job should have: that of the newest running Sidekiq, else that of the job itself.

    A process that says no version is older than 7.0.2.
    """
    if versions:
        majors = [(version or "").split(".")[0] for version in versions]
        return max(int(major) if major.isdecimal() and len(major) < 5 else 0 for major in majors) >= 8
    return isinstance(job.payload.get("created_at"), int)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
