# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The block mappings of a YAML text, as far as one has to see them to edit a line: which key stands where.

This is no YAML parser. It knows enough to be sure that a line which looks like a key is one, and says Unclear else.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .lines import Line, Unclear

BLANK, CONTENT, INSIDE = "blank", "content", "inside"
"""Kinds of rows: nothing or a comment; where keys and items begin; the rest of a value that began above."""

_KEY = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|"""
    r"""(?:[^\s"'#&*!|>%@`,?:\[\]{}-]|[?:-](?=[^\s]))(?:(?![ \t]#).)*?)[ \t]*:(?=[ \t]|$)"""
)
_ENDS = {'"': re.compile(r'(?:[^"\\]|\\.|\\$)*"'), "'": re.compile(r"(?:[^']|'')*'(?!')")}
_BLOCK_SCALAR = re.compile(r"[|>][-+0-9]*[ \t]*(?:#.*)?$")
_PROPERTY = re.compile(r"[&!*][^\s,\[\]{}]*")


@dataclass(frozen=True)
class Row:
    """A line with its kind and the number of blanks before its content."""

    line: Line
    kind: str
    indent: int


@dataclass(frozen=True)
class Entry:
    """A key of a mapping: its row, the row after its value, and the column after its colon."""

    name: str
    symbol: bool
    row: int
    stop: int
    column: int


@dataclass(frozen=True)
class Level:
    """A mapping: where its keys begin, and which rows merge another mapping into it (`<<`)."""

    indent: int
    entries: tuple[Entry, ...]
    merges: tuple[int, ...]

    def find(self, name: str) -> Entry | None:
        """The entry of this name. Raises Unclear if there are several: which one counts is not for us to say."""
        entries = [entry for entry in self.entries if entry.name == name]
        if len(entries) > 1:
            raise Unclear(f"{name} is there a second time (first in line {entries[0].row + 1})", entries[1].row)
        return entries[0] if entries else None


@dataclass(frozen=True)
class Document:
    """All rows, and the names of the anchors that aliases refer to.

    `ends_in_text`: whether a newline at the end would become a part of the text that a key has (`key: |`).
    """

    rows: tuple[Row, ...]
    aliases: frozenset[str]
    ends_in_text: bool = False


def read_document(lines: t.Sequence[Line]) -> Document:
    """Tell the kinds of all lines. Raises Unclear."""
    reader = _Reader()
    rows = tuple(reader.row(line, number) for number, line in enumerate(lines))
    if reader.open:
        raise Unclear("the text ends within a quoted text or a bracket")
    return Document(rows, frozenset(reader.aliases), reader.in_text and not lines[-1].end)


def read_level(document: Document, start: int, stop: int) -> Level | None:
    """The mapping in these rows; None if they have no content. Raises Unclear if it is something else."""
    indent: int | None = None
    keys: list[tuple[str, bool, int, int]] = []
    merges: list[int] = []
    for number in range(start, stop):
        row = document.rows[number]
        if row.kind != CONTENT:
            continue
        if indent is None:
            indent = row.indent
        text = row.line.mask[row.indent :]
        if row.indent < indent:
            raise Unclear("is indented less than the keys before it", number)
        if row.indent > indent or (keys and re.match(r"-(?:[ \t]|$)", text)):
            continue
        key = _KEY.match(text)
        if key is None or row.line.text[indent : indent + key.end()] != key[0]:
            raise Unclear(_strange_key(row, key), number)
        name, symbol = _name(key["key"])
        if name == "<<":
            merges.append(number)
        keys.append((name, symbol, number, indent + key.end()))
    if indent is None:
        return None
    stops = [entry[2] for entry in keys[1:]] + [stop]
    entries = (
        Entry(name, symbol, number, _without_blanks(document, number, after), column)
        for (name, symbol, number, column), after in zip(keys, stops)
    )
    return Level(indent, tuple(entries), tuple(merges))


def _without_blanks(document: Document, row: int, stop: int) -> int:
    while stop > row + 1 and document.rows[stop - 1].kind == BLANK:
        stop -= 1
    return stop


def _strange_key(row: Row, key: re.Match[str] | None) -> str:
    if "E" in row.line.mask and row.line.text != row.line.mask:
        return "what ERB makes of it is not known here"
    if row.line.mask.lstrip().startswith(("{", "[")):
        return "is written in the flow style, with brackets"
    return "is no plain key of a mapping" if key is None else "ERB stands in a key"


def _name(key: str) -> tuple[str, bool]:
    """A key as Sidekiq sees it, and whether it is written as a symbol. A quoted `":key"` is neither."""
    if key[0] in "\"'":
        return (key if key[1] == ":" or "\\" in key else key[1:-1]), False
    return (key[1:].strip("\"'"), True) if key.startswith(":") else (key, False)


class _Reader:
    """Goes through the lines and remembers what is still open at their ends."""

    def __init__(self) -> None:
        self.aliases: set[str] = set()
        self._quote = ""
        self._flow = 0
        self._start = True
        self._scalar = ""
        self._parent = -1
        self._seen = False

    @property
    def open(self) -> bool:
        """Whether a quoted text or a bracket is not closed."""
        return bool(self._quote or self._flow)

    @property
    def in_text(self) -> bool:
        """Whether a block of text, after `|` or `>`, could go on."""
        return self._scalar == "block"

    def row(self, line: Line, number: int) -> Row:
        mask = line.mask
        indent = len(mask) - len(mask.lstrip(" "))
        if self.open:
            self._scan(mask, 0)
            return Row(line, INSIDE, indent)
        content = mask.strip(" \t")
        comment = content.startswith("#")
        if self._scalar and content and indent > self._parent and not (comment and self._scalar == "plain"):
            return Row(line, INSIDE, indent)
        if self._scalar and content:
            self._scalar = ""
        if mask[indent : indent + 1] == "\t" and not self._scalar:
            raise Unclear("is indented with a tab", number)
        if not content or comment:
            return Row(line, BLANK, indent)
        if re.match(r"(?:---|\.\.\.)(?:[ \t]|$)|%", mask):
            if self._seen or mask[0] != "-" or not re.fullmatch(r"---[ \t]*(?:[ \t]#.*)?", mask):
                raise Unclear("is a mark of YAML other than --- at the beginning", number)
            self._seen = True
            return Row(line, BLANK, indent)
        self._seen = True
        self._scan(mask, indent)
        return Row(line, CONTENT, indent)

    def _scan(self, mask: str, position: int) -> None:
        column = None
        while position < len(mask):
            if self._quote:
                position = self._quoted(mask, position)
            elif self._flow:
                position = self._bracket(mask, position)
            else:
                position, column = self._token(mask, position, column)

    def _token(self, mask: str, position: int, column: int | None) -> tuple[int, int | None]:
        """Go past one token of the block style. `column`: where the innermost key or dash of this line stands."""
        sign, rest = mask[position], mask[position:]
        if sign in " \t":
            return position + 1, column
        if sign == "#" and (position == 0 or mask[position - 1] in " \t"):
            return len(mask), column
        if re.match(r"[-?:](?:[ \t]|$)", rest):
            return position + 1, position if sign != ":" else column
        prop = _PROPERTY.match(rest)
        if prop:
            if sign == "*":
                self.aliases.add(prop[0][1:])
            return position + prop.end(), column
        if _BLOCK_SCALAR.match(rest):
            self._enter("block", mask, column)
            return len(mask), column
        key = _KEY.match(rest)
        if key:
            return position + key.end(), position
        if sign in "\"'":
            self._quote = sign
            return position + 1, column
        if sign in "[{":
            self._flow, self._start = 1, True
            return position + 1, column
        self._enter("plain", mask, column)
        return len(mask), column

    def _enter(self, scalar: str, mask: str, column: int | None) -> None:
        self._scalar = scalar
        self._parent = len(mask) - len(mask.lstrip(" ")) - 1 if column is None else column

    def _quoted(self, mask: str, position: int) -> int:
        end = _ENDS[self._quote].match(mask, position)
        if end is None:
            return len(mask)
        self._quote = ""
        return end.end()

    def _bracket(self, mask: str, position: int) -> int:
        """Go past one sign within brackets; quotes, aliases and comments count only where a value can begin."""
        sign = mask[position]
        if sign == "#" and (position == 0 or mask[position - 1] in " \t"):
            return len(mask)
        if sign in "[{":
            self._flow, self._start = self._flow + 1, True
        elif sign in "]}":
            self._flow, self._start = self._flow - 1, False
        elif sign in ",:":
            self._start = True
        elif sign in "\"'" and self._start:
            self._quote, self._start = sign, False
        elif sign == "*" and self._start:
            self.aliases.add(re.split(r"[\s,\]}]", mask[position + 1 :])[0])
            self._start = False
        elif sign not in " \t":
            self._start = False
        return position + 1
