# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""From the text of a sidekiq.yml and what is wanted to the new text: a pure function, one key after the other."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .lines import Line, Unclear, join, split
from .numbers import number_of
from .queues import Item, Queue, QueueList, as_item, read_queues, rewritten
from .structure import Document, Entry, Level, read_document, read_level

KEYS: t.Final = ("concurrency", "queues", "timeout")
_BOM: t.Final = "\ufeff"
_PRODUCTION: t.Final = "production"


@dataclass(frozen=True)
class Settings:
    """What a level of the file says, or what is wanted of it; None is nothing."""

    concurrency: int | None = None
    queues: tuple[Queue, ...] | None = None
    timeout: int | None = None

    @property
    def stated(self) -> tuple[str, ...]:
        return tuple(key for key in KEYS if getattr(self, key) is not None)


@dataclass(frozen=True)
class Reading:
    """What a text says. `variables`: which of the values a variable of the environment replaces if it is set.

    `unclear`: why a value cannot be edited. `overridden`: what the section production says otherwise.
    """

    settings: Settings = field(default_factory=Settings)
    variables: t.Mapping[str, str] = field(default_factory=dict)
    unclear: t.Mapping[str, str] = field(default_factory=dict)
    overridden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The new text, and both readings; `reason` says why nothing can be edited, and then the text is the old one."""

    text: str
    before: Reading
    after: Reading
    reason: str | None = None


@dataclass(frozen=True)
class _Place:
    """The lines, and the level within that is meant: the whole, or the section of an environment."""

    lines: tuple[Line, ...]
    document: Document
    top: Level | None
    section: Entry | None
    level: Level | None


def plan(text: str, wanted: Settings, environment: str | None = None) -> Plan:
    """Edit what differs from what is wanted, in the section of an environment or at the top."""
    bom = _BOM if text.startswith(_BOM) else ""
    old = text[len(bom) :]
    before = read(old, environment)
    reason = next((before.unclear[key] for key in wanted.stated or KEYS if key in before.unclear), None)
    if reason is not None:
        return Plan(text, before, before, reason)
    new = old
    try:
        if wanted.stated and environment is not None:
            new = _with_section(new, environment)
        for key in wanted.stated:
            new = _EDIT[key](new, environment, getattr(wanted, key))
        after = read(new, environment)
        _check(after, wanted)
    except Unclear as unclear:
        return Plan(text, before, before, str(unclear))
    return Plan(bom + new, before, after)


def read(text: str, environment: str | None = None) -> Reading:
    """What a text says. A value that cannot be read is unclear; if the text cannot be, all are."""
    values: dict[str, t.Any] = {}
    variables: dict[str, str] = {}
    unclear: dict[str, str] = {}
    try:
        place = _place(text, environment)
    except Unclear as why:
        return Reading(unclear={key: str(why) for key in KEYS})
    for key in KEYS:
        try:
            entry = _entry(place, key)
            if entry is None:
                continue
            if key == "queues":
                values[key] = read_queues(place.document, entry).queues or None
                continue
            number = number_of(place.document, entry)
            values[key] = number.value
            if number.variable:
                variables[key] = number.variable
        except Unclear as why:
            unclear[key] = str(why)
    return Reading(Settings(**values), variables, unclear, _overridden(place, environment))


def _place(text: str, environment: str | None) -> _Place:
    lines = split(text)
    document = read_document(lines)
    top = read_level(document, 0, len(lines))
    if environment is None:
        return _Place(lines, document, top, None, top)
    section = top.find(environment) if top else None
    level = _section(document, section) if section else None
    return _Place(lines, document, top, section, level)


def _section(document: Document, section: Entry) -> Level | None:
    """The keys of a section. Raises Unclear if others share them or they do not stand there."""
    line = document.rows[section.row].line
    start, words = section.column, line.mask[section.column :].partition(" #")[0].split()
    if words and not words[0].startswith("#"):
        if len(words) > 1 or not words[0].startswith("&"):
            raise Unclear(
                f"the section {section.name} is not written below its name: {line.text[start:].strip()}", section.row
            )
        if words[0][1:] in document.aliases:
            raise Unclear(f"others take what stands in the section {section.name} ({words[0]})", section.row)
    _outside_erb(document, section.row, section.stop, f"the section {section.name}")
    level = read_level(document, section.row + 1, section.stop)
    if level and level.entries[0].row > section.row and level.indent <= document.rows[section.row].indent:
        raise Unclear(f"the section {section.name} is no mapping", section.row)
    return level


def _entry(place: _Place, key: str) -> Entry | None:
    """The entry of a key in the level. Raises Unclear if it does not decide alone what the value is."""
    level = place.level
    if level is None:
        return None
    entry = level.find(key)
    if entry is None:
        if level.merges:
            raise Unclear(f"{key} may come from what is merged here (<<)", level.merges[0])
        return None
    if level.merges and max(level.merges) > entry.row:
        raise Unclear(f"what is merged here (<<) may replace {key}", max(level.merges))
    _outside_erb(place.document, entry.row, entry.stop, key)
    return entry


def _outside_erb(document: Document, start: int, stop: int, what: str) -> None:
    for row in range(start, stop):
        if document.rows[row].line.depth:
            raise Unclear(f"a block of ERB decides about {what}", row)


def _overridden(place: _Place, environment: str | None) -> tuple[str, ...]:
    """The keys that count in production from the section there, not from the top."""
    if environment is not None or place.top is None:
        return ()
    try:
        section = place.top.find(_PRODUCTION)
        level = _section(place.document, section) if section else None
        return tuple(key for key in KEYS if level and level.find(key))
    except Unclear:
        return ()


def _check(after: Reading, wanted: Settings) -> None:
    """Read back what was written. Raises Unclear if it is not what was wanted, which would be a mistake here."""
    for key in wanted.stated:
        written, meant = getattr(after.settings, key), getattr(wanted, key)
        same = written == meant if key != "queues" else written is not None and _as_meant(written, meant)
        if not same or key in after.unclear:
            raise Unclear(f"{key} could not be written: {after.unclear.get(key, written)}")


def _as_meant(queues: t.Sequence[Queue], wanted: t.Sequence[Queue]) -> bool:
    """Whether two lists mean the same. Where a queue has a weight, Sidekiq draws lots, and their order means nothing."""
    if any(queue.weight for queue in wanted):
        return len(queues) == len(wanted) and set(queues) == set(wanted)
    return list(queues) == list(wanted)


def _with_section(text: str, environment: str) -> str:
    place = _place(text, environment)
    if place.section:
        return text
    indent = place.top.indent if place.top else 0
    return _append(text, place, f"{' ' * indent}{_colon(place.top)}{environment}:")


def _colon(level: Level | None) -> str:
    """Whether keys are symbols, as Mastodon writes them."""
    return ":" if level is None or level.entries[0].symbol else ""


def _append(text: str, place: _Place, *more: str) -> str:
    if not place.lines:
        return text + "\n".join([*more, ""])
    last = len(place.lines) - 1
    _can_follow(place, last)
    return join(place.lines, {last: (place.lines[last].text, *more)})


def _can_follow(place: _Place, row: int) -> None:
    """Raises Unclear if no new line may stand after this one."""
    if place.lines[row].depth:
        raise Unclear("a block of ERB stands where the new line would have to", row)
    if place.document.ends_in_text and row == len(place.lines) - 1:
        raise Unclear("the text here has no newline at its end, and would get one", row)


def _with_number(text: str, environment: str | None, key: str, value: int) -> str:
    place = _place(text, environment)
    entry = _entry(place, key)
    if entry is None:
        return _insert(text, place, [f"{_key(place, key)} {value}"])
    number = number_of(place.document, entry)
    if number.value == value:
        return text
    return join(place.lines, {number.row: (number.changed(place.lines[number.row], value),)})


def _key(place: _Place, key: str) -> str:
    return f"{_colon(place.level or place.top)}{key}:"


def _insert(text: str, place: _Place, new: t.Sequence[str]) -> str:
    """Put a new key beside those of its kind: after the concurrency, or before the first key of the level."""
    level = place.level
    if level is None:
        if place.section is None:
            return _append(text, place, *new)
        row, indent = place.section.row, place.document.rows[place.section.row].indent + 2
        return join(place.lines, {row: (place.lines[row].text, *_indented(new, indent))})
    beside = level.find(KEYS[0])
    row = beside.stop - 1 if beside else level.entries[0].row
    _can_follow(place, row)
    texts = _indented(new, level.indent)
    return join(place.lines, {row: (place.lines[row].text, *texts) if beside else (*texts, place.lines[row].text)})


def _indented(texts: t.Sequence[str], indent: int) -> list[str]:
    return [f"{' ' * indent}{text}" for text in texts]


def _with_queues(text: str, environment: str | None, wanted: t.Sequence[Queue]) -> str:
    place = _place(text, environment)
    entry = _entry(place, "queues")
    if entry is None:
        return _insert(text, place, [_key(place, "queues"), *(f"  - {as_item(queue, ())}" for queue in wanted)])
    queue_list = read_queues(place.document, entry)
    if len({queue.name for queue in queue_list.queues}) < len(queue_list.queues):
        raise Unclear("a queue is in the list a second time", entry.row)
    if all(item.sound for item in queue_list.items) and _as_meant(queue_list.queues, wanted):
        return text
    if queue_list.flow:
        return _in_brackets(place, entry, queue_list, wanted)
    if not queue_list.items:
        line = place.lines[entry.row]
        indent = place.document.rows[entry.row].indent + 2
        return join(
            place.lines, {entry.row: (line.text, *_indented([f"- {as_item(queue, ())}" for queue in wanted], indent))}
        )
    return join(place.lines, _below(place.lines, queue_list.items, wanted))


def _in_brackets(place: _Place, entry: Entry, queue_list: QueueList, wanted: t.Sequence[Queue]) -> str:
    """Write the list anew between its brackets."""
    line, (start, stop) = place.lines[entry.row], queue_list.flow or (0, 0)
    if line.text[start:stop] != line.mask[start:stop]:
        raise Unclear("ERB stands in the list of queues", entry.row)
    items = ", ".join(as_item(queue, queue_list.items) for queue in _in_order(queue_list.items, wanted))
    return join(place.lines, {entry.row: (f"{line.text[:start]}[{items}]{line.text[stop:]}",)})


def _below(lines: t.Sequence[Line], items: t.Sequence[Item], wanted: t.Sequence[Queue]) -> dict[int, tuple[str, ...]]:
    """The edits of a list below its key: its items keep their lines, what is new comes last, what goes goes."""
    by_name = {item.queue.name: item for item in items}
    first = items[0]
    dash = lines[first.row].text[: first.start]
    texts = []
    for queue in _in_order(items, wanted):
        item = by_name.get(queue.name)
        if item is None:
            texts.append(dash + as_item(queue, items))
        elif item.sound and item.queue == queue:
            texts.append(lines[item.row].text)
        else:
            texts.append(rewritten(lines[item.row], item, queue.weight))
    kept = [item.row for item in items if item.queue.name in {queue.name for queue in wanted}]
    slots = kept or [first.row]
    edits: dict[int, tuple[str, ...]] = {item.row: () for item in items}
    edits.update((row, (text,)) for row, text in zip(slots, texts))
    edits[slots[-1]] += tuple(texts[len(slots) :])
    return edits


def _in_order(items: t.Sequence[Item], wanted: t.Sequence[Queue]) -> list[Queue]:
    """As wanted where no queue has a weight; else as they stand there, and the new ones last."""
    if not any(queue.weight for queue in wanted):
        return list(wanted)
    places = {item.queue.name: number for number, item in enumerate(items)}
    return sorted(wanted, key=lambda queue: places.get(queue.name, len(places)))


_EDIT: t.Final[t.Mapping[str, t.Callable[..., str]]] = {
    "concurrency": lambda text, environment, value: _with_number(text, environment, "concurrency", value),
    "queues": _with_queues,
    "timeout": lambda text, environment, value: _with_number(text, environment, "timeout", value),
}
