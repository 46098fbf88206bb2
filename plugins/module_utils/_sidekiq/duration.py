# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Spans of time as people write them."""

from __future__ import annotations

import re
import typing as t

from .errors import BadOption

_UNITS: t.Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*")


def seconds(written: t.Any, option: str) -> float:
    """Seconds of `90s`, `15m`, `2h`, `3d`, `1w`, or of a plain number of seconds. `option` names it in the error."""
    span = _SPAN.fullmatch(str(written))
    if not span:
        raise BadOption(
            f"{option}: {written!r} is no span of time; write a number and s, m, h, d or w, such as 90s or 2h."
        )
    return float(span.group(1)) * _UNITS[span.group(2)]
