# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Times as Sidekiq stores them.

Up to 7.x a payload holds float seconds, from 8.0 on integer milliseconds (Sidekiq's Changes.md, 8.0.0), and after an
upgrade both stand side by side. Scores, `beat`, `started_at` and `run_at` are seconds in every version.
"""

from __future__ import annotations

import datetime as dt
import math
import typing as t

_MILLISECONDS_ABOVE = 1e11  # as seconds this is the year 5138, as milliseconds 1973: no job is from either


def epoch(value: t.Any) -> float | None:
    """A stored time in epoch seconds, whatever its unit; None for what is no time.

    Sidekiq 8 itself decides by the type (float: seconds, integer: milliseconds) and so takes the integer seconds of
    other producers for January 1970. The size of the number tells the two apart in every case.
    """
    if isinstance(value, int) and _MILLISECONDS_ABOVE < value < 1e15:  # what Sidekiq 8 writes
        return value / 1000.0
    if type(value) not in (int, float):  # bool is a kind of int
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    if -_MILLISECONDS_ABOVE <= seconds <= _MILLISECONDS_ABOVE:
        return seconds
    return seconds / 1000.0 if math.isfinite(seconds) else None


def number(value: t.Any) -> float | None:
    """A finite number from the text of a hash field or a score, None for anything else."""
    try:
        finite = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return finite if math.isfinite(finite) else None


def iso(seconds: float | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC with whole seconds; None where there is no such time."""
    if seconds is None:
        return None
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def file_stamp(seconds: float) -> str:
    """Epoch seconds as a part of a file's name, such as 20261122T070556Z: names sort by time."""
    return (iso(seconds) or "").replace(":", "").replace("-", "")


def ruby_time(raw: t.Any) -> float | None:
    """Epoch seconds of Ruby's `Time#to_s` (`2026-11-22 06:33:43 +0000`, also `... UTC`), as sidekiq-scheduler writes it."""
    if isinstance(raw, (bytes, bytearray)):
        raw = bytes(raw).decode("utf-8", "replace")
    if not isinstance(raw, str):
        return None
    try:
        return dt.datetime.strptime(raw.strip().replace("UTC", "+0000"), "%Y-%m-%d %H:%M:%S %z").timestamp()
    except (ValueError, OverflowError):
        return None
