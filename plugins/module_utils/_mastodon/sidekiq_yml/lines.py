# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The lines of a sidekiq.yml before ERB is run: what is text of the file, and what ERB will put in or leave out.

Sidekiq renders ERB with the trim mode `-` and reads the outcome as YAML. Nothing of it is run here.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

_LINE = re.compile(r"([^\n]*?)(\r\n|\n|\Z)")
_TAG = re.compile(r"<%%|<%(?P<code>.*?)%>", re.DOTALL)
_STATEMENT = re.compile(r"[;\n]")
_OPENS = re.compile(r"(?:if|unless|case|while|until|for|begin|def)\b|.*(?:\bdo|\{)(?:\s*\|[^|]*\|)?$")
_CLOSES = re.compile(r"(?:end\b|\})")
_STRANGE = {"\0": "a zero byte", "\x85": "U+0085", "\u2028": "U+2028", "\u2029": "U+2029"}
"""What YAML takes for the end of a line, or for none at all, other than everybody else."""


class Unclear(Exception):
    """The file says something that cannot be edited line by line; the text says what and where."""

    def __init__(self, why: str, row: int | None = None) -> None:
        super().__init__(why if row is None else f"line {row + 1}: {why}")


@dataclass(frozen=True)
class Line:
    """One line. `mask` is as long as `text`: what ERB writes is `E` in it, what it leaves out is blank.

    `depth` is the number of ERB blocks, such as `<% if ... %>`, that it stands in.
    """

    text: str
    end: str
    mask: str
    depth: int


def split(text: str) -> tuple[Line, ...]:
    """The lines with their ends. Raises Unclear."""
    for sign, name in _STRANGE.items():
        if sign in text:
            raise Unclear(f"holds {name}", text[: text.index(sign)].count("\n"))
    mask, depths = _render(text)
    lines: list[Line] = []
    for match, depth in zip(_LINE.finditer(text), depths):
        if match.start() == len(text):
            break
        if "\r" in match[1]:
            raise Unclear("a carriage return stands within the line", len(lines))
        lines.append(Line(match[1], match[2], mask[match.start() : match.end(1)], depth))
    return tuple(lines)


def join(lines: t.Sequence[Line], edits: t.Mapping[int, t.Sequence[str]]) -> str:
    """The text, some lines of it replaced by others. New lines end as the line they stand for."""
    usual = max(("\n", "\r\n"), key=lambda end: sum(line.end == end for line in lines))
    parts = []
    for row, line in enumerate(lines):
        texts = edits.get(row, (line.text,))
        parts += [text + (line.end or usual) for text in texts[:-1]]
        parts += [text + line.end for text in texts[-1:]]
    return "".join(parts)


def _render(text: str) -> tuple[str, list[int]]:
    """The mask of the whole text, and for each line the deepest ERB block that a part of it stands in."""
    depths = [0] * (text.count("\n") + 1)
    parts, position, row, depth = [], 0, 0, 0
    for tag in _TAG.finditer(text):
        before = text[position : tag.start()]
        parts.append(before)
        row = _deepen(depths, row, before, depth)
        code = tag["code"]
        if code is None:  # an escaped <%, which stays
            parts.append(tag[0])
        else:
            parts.append(_mask(text, tag, row))
            after = depth + _change(code)
            if after < 0:
                raise Unclear("ERB ends a block here that does not begin before", row)
            row = _deepen(depths, row, tag[0], max(depth, after))
            depth = after
        position = tag.end()
    parts.append(text[position:])
    _deepen(depths, row, text[position:], depth)
    mask = "".join(parts)
    if "<%" in mask.replace("<%%", ""):
        raise Unclear("an ERB tag is not closed", mask[: mask.index("<%")].count("\n"))
    if depth:
        raise Unclear("a block of ERB is not closed")
    return mask, depths


def _deepen(depths: list[int], row: int, part: str, depth: int) -> int:
    last = row + part.count("\n")
    for number in range(row, last + 1):
        depths[number] = max(depths[number], depth)
    return last


def _mask(text: str, tag: re.Match[str], row: int) -> str:
    code = tag["code"]
    if code.endswith("%"):
        raise Unclear("ERB with an escaped end of a tag in it", row)
    before = text[text.rfind("\n", 0, tag.start()) + 1 : tag.start()]
    after = text[tag.end() :].partition("\n")[0].rstrip("\r")
    if code.endswith("-") and not after:
        _check_trimmed(before, code, row)
    if not code.startswith("="):
        if after.strip(" \t") and not before.strip(" \t"):
            raise Unclear("ERB moves what follows it", row)
        return re.sub(r"[^\n]", " ", tag[0])
    if "\n" in code:
        raise Unclear("ERB writes something over several lines", row)
    return "E" * len(tag[0])


def _check_trimmed(before: str, code: str, row: int) -> None:
    """A tag that ends in `-%>` takes the end of its line away: that is only clear if nothing else is on it."""
    if code.startswith("=") or before.strip(" \t") or (before and not code.startswith("-")):
        raise Unclear("ERB joins it with the next line", row)


def _change(code: str) -> int:
    """By how much a tag deepens the blocks of ERB."""
    if code.startswith(("=", "#")):
        return 0
    change = 0
    for statement in _STATEMENT.split(code.strip("-")):
        statement = statement.strip()
        change += bool(_OPENS.match(statement)) - bool(_CLOSES.match(statement))
    return change
