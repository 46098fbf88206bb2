# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Time spans as systemd writes and reads them (systemd.time(7))."""

from __future__ import annotations

import math
import re
import typing as t

_NAMES: t.Final[t.Mapping[float, str]] = {
    1e-6: "us usec µs μs",
    1e-3: "ms msec",
    1: "s sec second seconds",
    60: "m min minute minutes",
    3600: "h hr hour hours",
    86400: "d day days",
    7 * 86400: "w week weeks",
    365.25 * 86400 / 12: "M month months",
    365.25 * 86400: "y year years",
}
_SECONDS: t.Final = {"": 1.0, **{name: seconds for seconds, names in _NAMES.items() for name in names.split()}}
_PART: t.Final = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-zµμ]*)")


def parse_timespan(text: str) -> float | None:
    """Seconds of a span such as `1min 30s`, `1w` or `90`; infinite for `infinity`; None for what is no span."""
    text = text.strip()
    if text == "infinity":
        return math.inf
    total, at = 0.0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or part[2] not in _SECONDS:
            return None
        total += float(part[1]) * _SECONDS[part[2]]
        at = part.end()
    return total if text else None


def finite_timespan(text: str) -> float | None:
    """Seconds of a span as `systemctl show` prints it; None for `infinity` and for what is no span."""
    seconds = parse_timespan(text)
    return None if seconds is None or math.isinf(seconds) else seconds
