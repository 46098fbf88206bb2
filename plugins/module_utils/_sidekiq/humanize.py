# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Durations and sizes as a person reads them in reports and messages."""

from __future__ import annotations

import typing as t

_SIZES: t.Final = ("B", "KiB", "MiB", "GiB", "TiB")


def duration(seconds: float) -> str:
    """Seconds as `45 s`, `12 min`, `3.5 h` or `2.1 d`."""
    for length, unit in ((86400.0, "d"), (3600.0, "h")):
        if seconds >= length * 1.5:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def size(count: float) -> str:
    """Bytes in units of 1024, as `700 KiB`, `52 MiB` or `3.0 TiB`."""
    amount, step = float(count), 0
    while amount >= 1024 and step < len(_SIZES) - 1:
        amount, step = amount / 1024, step + 1
    return f"{amount:.{0 if step < 3 else 1}f} {_SIZES[step]}"
