# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Bytes and text that can always be shown.

Members of Sidekiq's keys may hold anything: a worker, another tool or a crash wrote them. What a module returns
must be strict UTF-8, so everything that is shown passes through here.
"""

from __future__ import annotations

import math
import typing as t


def text(raw: t.Any) -> str:
    """Bytes as text; what is not UTF-8 is shown as C(\\xNN)."""
    if isinstance(raw, (bytes, bytearray)):
        return bytes(raw).decode("utf-8", "backslashreplace")
    return clean(str(raw))


def clean(value: str) -> str:
    """Text without lone surrogates, which JSON can carry and UTF-8 cannot."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")


def text_or_none(value: t.Any) -> str | None:
    """Text if there is text, None for anything else: a job's fields can have any type."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else clean(value)


def clean_deep(value: t.Any) -> t.Any:
    """A value decoded from JSON, with every text in it (keys too) fit to be shown."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): clean_deep(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_deep(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
