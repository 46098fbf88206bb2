# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a report that fit a terminal."""

from __future__ import annotations

import textwrap


def title(name: str, verdict: str, width: int) -> str:
    """The headline of a host, filled to the width: its name on the left, the verdict on the right."""
    start = f"== {cut(name, max(10, width - len(verdict) - 7))} "
    return f"{start}{'=' * max(2, width - len(start) - len(verdict) - 1)} {verdict}"


def wrapped(text: str, width: int, first: str = "", following: str | None = None) -> list[str]:
    """The lines of a text. `first` and `following`: what the first line and the others begin with."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=first if following is None else following,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def cut(text: str, width: int) -> str:
    """The text, with dots at the end if it is longer than the width."""
    return text if len(text) <= width else f"{text[: width - 3]}..."
