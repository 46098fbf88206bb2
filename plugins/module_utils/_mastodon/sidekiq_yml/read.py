# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a Sidekiq in production takes from config/sidekiq.yml, where that can be told without running its ERB."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..settings.numbers import whole_number
from .lines import Unclear, split
from .numbers import number_of
from .plan import KEYS, Reading, read
from .queues import Queue, read_queues
from .structure import Document, Entry, read_document, read_level

_PRODUCTION: t.Final = "production"


@dataclass(frozen=True)
class Capsule:
    """Threads of their own with queues of their own in the same process (Sidekiq 7 and newer)."""

    name: str
    threads: int
    queues: tuple[str, ...]


@dataclass(frozen=True)
class SidekiqYml:
    """None, or no queues: not said, or not to be understood without Ruby; `unclear` says why, by key.

    `weights`: of the queues that have one.
    """

    concurrency: int | None = None
    timeout: int | None = None
    queues: tuple[str, ...] = ()
    capsules: tuple[Capsule, ...] = ()
    weights: t.Mapping[str, int] = field(default_factory=dict, compare=False)
    unclear: t.Mapping[str, str] = field(default_factory=dict, compare=False)


def read_sidekiq_yml(text: str, variables: t.Mapping[str, str]) -> SidekiqYml:
    """`variables` are those that Sidekiq sees; Mastodon's own file asks for SIDEKIQ_CONCURRENCY."""
    readings = [read(text, _PRODUCTION), read(text)]
    sayings = {key: _decisive(key, readings) for key in KEYS}
    unclear = {key: reading.unclear[key] for key, reading in sayings.items() if key in reading.unclear}
    queues: t.Sequence[Queue] = sayings["queues"].settings.queues or ()
    capsules: tuple[Capsule, ...] = ()
    try:
        capsules = _capsules(text)
    except Unclear as why:
        unclear["capsules"] = str(why)
    return SidekiqYml(
        _number("concurrency", sayings["concurrency"], variables),
        _number("timeout", sayings["timeout"], variables),
        tuple(queue.name for queue in queues),
        capsules,
        {queue.name: queue.weight for queue in queues if queue.weight},
        unclear,
    )


def _capsules(text: str) -> tuple[Capsule, ...]:
    """The capsules of the section production, or else of the whole file. Raises Unclear."""
    if "capsules" not in text:
        return ()
    lines = split(text.lstrip("\ufeff"))
    document = read_document(lines)
    top = read_level(document, 0, len(lines))
    section = top.find(_PRODUCTION) if top else None
    inner = read_level(document, section.row + 1, section.stop) if section else None
    entry = (inner.find("capsules") if inner else None) or (top.find("capsules") if top else None)
    if entry is None:
        return ()
    return tuple(_capsule(document, capsule) for capsule in _below(document, entry))


def _capsule(document: Document, entry: Entry) -> Capsule:
    entries = {key.name: key for key in _below(document, entry)}
    threads = number_of(document, entries["concurrency"]).value if "concurrency" in entries else None
    if threads is None:
        raise Unclear(f"the capsule {entry.name} has no concurrency, so Sidekiq does not start", entry.row)
    queues = read_queues(document, entries["queues"]).queues if "queues" in entries else (Queue("default"),)
    return Capsule(entry.name, threads, tuple(queue.name for queue in queues))


def _below(document: Document, entry: Entry) -> tuple[Entry, ...]:
    if any(document.rows[row].line.depth for row in range(entry.row, entry.stop)):
        raise Unclear(f"a block of ERB decides about {entry.name}", entry.row)
    level = read_level(document, entry.row + 1, entry.stop)
    if level is None or level.merges:
        raise Unclear(f"{entry.name} is not written below its name", entry.row)
    return level.entries


def _decisive(key: str, readings: t.Sequence[Reading]) -> Reading:
    """The section production wins, key by key, also where it cannot be understood."""
    section, top = readings
    return section if key in section.unclear or getattr(section.settings, key) is not None else top


def _number(key: str, reading: Reading, variables: t.Mapping[str, str]) -> int | None:
    value = getattr(reading.settings, key)
    if value is None:
        return None
    asked = whole_number(variables.get(reading.variables.get(key, "")))
    return int(value) if asked is None else asked
