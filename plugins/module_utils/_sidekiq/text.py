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
    """Bytes as text; what is not UTF-8 is shown as `\\xNN`."""
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


def printable(value: t.Any, longest: int | None = None) -> str:
    """One line that a terminal shows as it is: white space as a blank, any other control or invisible character as `?`.

    `str.isprintable` is false for ESC and the C1 controls, for what turns the direction of writing, has no width or ends a
    line. `longest`: characters from which on it is cut.
    """
    shown = text(value)
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in shown)
    return shown if longest is None or len(shown) <= longest else f"{shown[: max(longest - 3, 0)]}..."


def printable_lines(value: str) -> str:
    """Printable text that keeps its own line breaks, for a report or a file; each name in it was made printable before."""
    return "\n".join(printable(line) for line in value.split("\n"))


def printable_deep(value: t.Any, clean_text: t.Callable[[str], str] = printable) -> t.Any:
    """The same structure with every text in it, keys too, made printable. Keys that become equal are told apart by a `?`."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, t.Mapping):
        shown: dict[t.Any, t.Any] = {}
        for key, item in value.items():
            name = clean_text(key) if isinstance(key, str) else key
            while name in shown:
                name = f"{name}?"
            shown[name] = printable_deep(item, clean_text)
        return shown
    if isinstance(value, (list, tuple)):
        return [printable_deep(item, clean_text) for item in value]
    return value
