# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Numbers in a sidekiq.yml: written as they are, or as the default of a variable in ERB, as Mastodon does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .lines import Line, Unclear
from .structure import CONTENT, Document, Entry

_VALUE = re.compile(r"[ \t]*(?P<value>[^\s#](?:(?![ \t]#).)*?)?[ \t]*(?:(?<=[ \t])#.*)?$")
_PLAIN = re.compile(r"0|[1-9][0-9]*")
_NAME = r"""(?P<quote>['"])(?P<name>\w+)(?P=quote)"""
_ERB = [
    re.compile(rf"<%=-?\s*{code}\s*-?%>")
    for code in (
        r"(?P<number>0|[1-9][0-9]*)",
        rf"""ENV\.fetch\(\s*{_NAME}\s*,\s*(?P<q>['"]?)(?P<number>0|[1-9][0-9]*)(?P=q)\s*\)(?:\.to_i)?""",
        rf"""ENV\.fetch\(\s*{_NAME}\s*\)\s*\{{\s*(?P<q>['"]?)(?P<number>0|[1-9][0-9]*)(?P=q)\s*\}}(?:\.to_i)?""",
        rf"""ENV\[\s*{_NAME}\s*\]\s*\|\|\s*(?P<q>['"]?)(?P<number>0|[1-9][0-9]*)(?P=q)""",
    )
]


@dataclass(frozen=True)
class Number:
    """A value and the columns that hold it, empty where there is none yet.

    `value` is None for what is no whole number. `variable`: which variable, if it is set, counts instead.
    """

    value: int | None
    row: int
    start: int
    stop: int
    variable: str | None = None

    def changed(self, line: Line, value: int) -> str:
        """The line with another number."""
        before, after = line.text[: self.start], line.text[self.stop :]
        gap = " " if self.start == self.stop and not before.endswith((" ", "\t")) else ""
        return f"{before}{gap}{value}{after}"


def number_of(document: Document, entry: Entry) -> Number:
    """The number that a key has. Raises Unclear for one that no line holds."""
    rows = [row for row in range(entry.row + 1, entry.stop) if document.rows[row].line.mask.strip(" \t")]
    rows = [row for row in rows if not document.rows[row].line.mask.lstrip(" \t").startswith("#")]
    start, stop = value_columns(document.rows[entry.row].line, entry.column)
    if start == stop and len(rows) == 1 and document.rows[rows[0]].kind == CONTENT:
        line = document.rows[rows[0]].line
        return number_at(line, rows[0], *value_columns(line, document.rows[rows[0]].indent))
    if rows:
        raise Unclear(f"the value of {entry.name} goes over several lines", entry.row)
    return number_at(document.rows[entry.row].line, entry.row, start, stop)


def value_columns(line: Line, column: int) -> tuple[int, int]:
    """Where a value stands that begins at or after a column; both the column itself if there is none."""
    scalar = _VALUE.match(line.mask, column)
    if scalar is None or scalar["value"] is None:
        return column, column
    return scalar.span("value")


def number_at(line: Line, row: int, start: int, stop: int) -> Number:
    """The number in these columns. Raises Unclear if it is made or carried by something else."""
    text, mask = line.text[start:stop], line.mask[start:stop]
    if _PLAIN.fullmatch(text):
        return Number(int(text), row, start, stop)
    if text == mask:
        if text.startswith(tuple("&*!|>[{-?")) or re.search(r":(?=[ \t]|$)", text):
            raise Unclear(f"the value {text} is no plain number, but an anchor, an alias or a structure", row)
        return Number(None, row, start, stop)
    for pattern in _ERB:
        scalar = pattern.fullmatch(text)
        if scalar:
            first, last = scalar.span("number")
            variable = scalar["name"] if "name" in pattern.groupindex else None
            return Number(int(scalar["number"]), row, start + first, start + last, variable)
    raise Unclear(f"the value is made by ERB: {text}", row)
