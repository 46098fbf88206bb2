# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures for readers."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a terminal that is Markdown as well."""
    lines = [list(head), ["-"] * len(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines[1] = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def spread(seconds: Sequence[float]) -> str:
    """The median with the quartiles, in seconds."""
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return f"{middle:.3f} s ({low:.3f}-{high:.3f})"


def verdict(met: bool) -> str:
    """Whether a goal was met, in a word."""
    return "met" if met else "MISSED"
