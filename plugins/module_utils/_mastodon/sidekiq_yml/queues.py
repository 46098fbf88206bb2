# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The list of queues in a sidekiq.yml, read and written item by item."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from .lines import Line, Unclear
from .numbers import number_at, value_columns
from .structure import CONTENT, Document, Entry

_SCALAR = r"""(?:"(?P<double>[^"\\]*)"|'(?P<single>[^']*)'|(?P<plain>[^\s"'#&*!|>%@`,?\[\]{}-][^,\[\]{}#]*?))"""
_LISTED = re.compile(rf"\[[ \t]*(?P<name>{_SCALAR})[ \t]*(?:,[ \t]*(?P<weight>[^\s,\[\]][^,\[\]]*?)?[ \t]*)?\]")
_BARE = re.compile(rf"(?P<name>{_SCALAR})(?P<comma>,[ \t]*[0-9]+)?")
_OTHER = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null|~)|[-+.0-9].*")
"""Names that YAML takes, or may take, for something else than a text unless they are quoted."""
_SIMPLE = re.compile(r"[\w./-]+")


@dataclass(frozen=True)
class Queue:
    """A queue and its weight; None is none, which counts as one where others have some."""

    name: str
    weight: int | None = None


@dataclass(frozen=True)
class Item:
    """A queue where it stands: the columns of the value, the text of its name, and those of the weight's digits.

    `sound`: whether every Sidekiq reads it as it is meant (`push,6` is a name before Sidekiq 7).
    """

    queue: Queue
    row: int
    start: int
    stop: int
    name: str
    digits: tuple[int, int] | None
    listed: bool
    sound: bool = True


@dataclass(frozen=True)
class QueueList:
    """What is below the key; `flow` are the columns of a list in brackets, in the row of the key."""

    items: tuple[Item, ...]
    flow: tuple[int, int] | None = None

    @property
    def queues(self) -> tuple[Queue, ...]:
        return tuple(item.queue for item in self.items)


def read_queues(document: Document, entry: Entry) -> QueueList:
    """The list below the key. Raises Unclear for an item that cannot be read."""
    line = document.rows[entry.row].line
    start, stop = value_columns(line, entry.column)
    rows = [row for row in range(entry.row + 1, entry.stop) if document.rows[row].kind == CONTENT]
    inside = [row for row in range(entry.row + 1, entry.stop) if document.rows[row].kind not in (CONTENT, "blank")]
    if inside:
        raise Unclear("an item of the queues goes over several lines", inside[0])
    if start == stop:
        return QueueList(tuple(_dashed(document, row, document.rows[rows[0]].indent) for row in rows))
    if rows or line.text[start] != "[" or line.text[stop - 1] != "]":
        raise Unclear("the queues are no list of items", entry.row)
    return QueueList(tuple(_bracketed(line, entry.row, start, stop)), (start, stop))


def _dashed(document: Document, row: int, indent: int) -> Item:
    at, line = document.rows[row].indent, document.rows[row].line
    dash = re.compile(r"-(?=[ \t])").match(line.mask, at)
    if dash is None or at != indent:
        raise Unclear("is no plain item of the queues", row)
    return _item(line, row, *value_columns(line, dash.end()))


def _bracketed(line: Line, row: int, start: int, stop: int) -> t.Iterator[Item]:
    position, last = start + 1, stop - 1
    while line.mask[position:last].strip(" \t"):
        item = re.compile(r"[ \t]*(\[[^\[\]]*\]|[^\s,\[\]][^,\[\]]*?)[ \t]*(?:,|$)").match(line.mask, position, last)
        if item is None:
            raise Unclear("the list of queues in brackets", row)
        yield _item(line, row, *item.span(1))
        position = item.end()


def _item(line: Line, row: int, start: int, stop: int) -> Item:
    text, mask = line.text[start:stop], line.mask[start:stop]
    parts = _LISTED.fullmatch(mask) or _BARE.fullmatch(mask)
    mapping = parts is not None and parts["plain"] and re.search(r":(?=[ \t]|$)", parts["plain"])
    if parts is None or mapping or text[parts.start("name") : parts.end("name")] != parts["name"]:
        raise Unclear(f"is no queue that can be read: {text or 'nothing'}", row)
    name, plain = next(part for part in (parts["double"], parts["single"], parts["plain"]) if part is not None), False
    if parts["plain"]:
        name, plain = name.removeprefix(":"), True
    sound = not (plain and parts["plain"] == name and _OTHER.fullmatch(name))
    item = Item(Queue(name), row, start, stop, parts["name"], None, True, sound)
    if "weight" in parts.re.groupindex:
        return _with_weight(line, item, parts.span("weight"))
    if "," not in mask:
        return replace(item, listed=False)
    name, _comma, weight = name.partition(",") if parts["comma"] is None else (name, ",", parts["comma"].strip(", \t"))
    if not re.fullmatch(r"[0-9]+", weight):
        raise Unclear(f"is no queue that can be read: {text}", row)
    return replace(item, queue=Queue(name, int(weight)), name=written(name, ""), listed=False, sound=False)


def _with_weight(line: Line, item: Item, span: tuple[int, int]) -> Item:
    if span == (-1, -1):
        return item
    number = number_at(line, item.row, item.start + span[0], item.start + span[1])
    if number.value is None:
        return replace(item, sound=False)
    queue = Queue(item.queue.name, number.value or None)
    return replace(item, queue=queue, digits=(number.start, number.stop))


def rewritten(line: Line, item: Item, weight: int | None) -> str:
    """The line with another weight for its item; what stands beside the item stays. Raises Unclear."""
    if item.digits is not None and weight is not None and item.sound:
        return f"{line.text[: item.digits[0]]}{weight}{line.text[item.digits[1] :]}"
    if line.text[item.start : item.stop] != line.mask[item.start : item.stop]:
        raise Unclear("the weight is made by ERB and cannot be taken away", item.row)
    name = item.name if item.sound and not item.name.startswith(":") else written(item.queue.name, "")
    return f"{line.text[: item.start]}{_value(name, weight, item.listed)}{line.text[item.stop :]}"


def as_item(queue: Queue, like: t.Sequence[Item]) -> str:
    """A new item in the style of the others."""
    quote = next((item.name[0] for item in like if item.name[0] in "\"'"), "")
    return _value(written(queue.name, quote), queue.weight, not like or any(item.listed for item in like))


def written(name: str, quote: str) -> str:
    """A name as YAML, quoted where it must be."""
    if not quote and (_OTHER.fullmatch(name) or not _SIMPLE.fullmatch(name)):
        quote = '"'
    return f"{quote}{name}{quote}"


def _value(name: str, weight: int | None, listed: bool) -> str:
    if weight is None:
        return f"[{name}]" if listed else name
    return f"[{name}, {weight}]"
