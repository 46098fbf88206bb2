# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Backtraces as Sidekiq stores them: base64 of zlib of a JSON list of lines (7.2.0 and older break the base64 into lines)."""

from __future__ import annotations

import base64
import binascii
import json
import typing as t
import zlib

from ..text import clean

_LARGEST = 1_000_000  # bytes; a real one has some ten kB, a crafted one could fill the memory


def backtrace(stored: t.Any) -> list[str] | None:
    """The lines of `error_backtrace`; plain lists of Sidekiq 5 too; None for what cannot be decoded."""
    if isinstance(stored, list):
        return [clean(str(line)) for line in stored]
    if not isinstance(stored, str):
        return None
    try:
        packed = base64.b64decode(stored.encode("ascii"))
        plain = zlib.decompressobj().decompress(packed, _LARGEST)
        lines = json.loads(plain.decode("utf-8", "replace"))
    except (ValueError, binascii.Error, zlib.error, RecursionError):
        return None
    return [clean(str(line)) for line in lines] if isinstance(lines, list) else None
