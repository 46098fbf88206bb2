# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Where a job waits: a queue, or one of the three sorted sets."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from functools import cached_property

from ..errors import SidekiqError, refuse_more
from ..keys import PRIVATE_QUEUES, PROCESSES, QUEUES, SETS, Keys
from ..redis.batch import Batch, together
from ..state.process import read_processes
from ..state.queue import MOST
from ..text import text
from .filtered_iterate import candidates
from .iterate import queue_members, set_members
from .prefilter import Needles

_NONE: t.Final = Needles()


@dataclass(frozen=True)
class Place:
    """A list or a sorted set. `set`: queues, retry, scheduled or dead; `queue`: the name of the queue, else empty."""

    set: str
    queue: bytes = b""

    @cached_property
    def name(self) -> str:
        """As people and archives name it: `queue:push`, `retry`."""
        return f"queue:{self.label}" if self.is_queue else self.set

    @cached_property
    def label(self) -> str:
        """The name of the queue as text."""
        return text(self.queue)

    @cached_property
    def is_queue(self) -> bool:
        return self.set == "queues"

    @cached_property
    def has_name(self) -> bool:
        """Whether its name as text means it: one that is no UTF-8 does not."""
        return place_named(self.name) == self

    @property
    def private(self) -> bool:
        """Whether another tool keeps its running jobs here."""
        return self.is_queue and self.queue.startswith(PRIVATE_QUEUES)

    def key(self, key: Keys) -> bytes:
        return key.queue(self.queue) if self.is_queue else key(SETS[self.set])

    def size(self, client: t.Any, key: Keys) -> int:
        """Members; 0 where the key is not of Sidekiq's type."""
        batch = Batch(client)
        answer = batch.ask("llen" if self.is_queue else "zcard", self.key(key))
        batch.send()
        return int(answer.get(0))

    def members(
        self, client: t.Any, key: Keys, needles: Needles = _NONE
    ) -> t.Iterator[tuple[int, bytes, float | None]]:
        """Positions (0 runs next), stored bytes and scores (None in a queue), in the order in which they run.

        With needles those that they rule out are left out.
        """
        if not self.size(client, key):
            return
        if self.is_queue:
            for position, raw in self._listed(client, key, needles):
                yield position, raw, None
        else:
            for position, (raw, score) in enumerate(set_members(client, self.key(key))):
                if needles.possible(raw):
                    yield position, raw, score

    def _listed(self, client: t.Any, key: Keys, needles: Needles) -> t.Iterator[tuple[int, bytes]]:
        if needles:
            try:
                yield from candidates(client, self.key(key), needles)
                return
            except Exception as problem:
                if type(problem).__name__ != "NoPermissionError":  # who may only read may run no script
                    raise
        for position, raw in enumerate(queue_members(client, self.key(key))):
            if needles.possible(raw):
                yield position, raw


def check_types(client: t.Any, key: Keys, places: t.Iterable[Place]) -> None:
    """Raises SidekiqError if a place, or the registry of queues or processes, is a key of another type: nothing is not 0 jobs.

    Asks by commands that reading needs anyway, so that no other right is needed.
    """
    batch = Batch(client)
    asked = [(key(name), "set", batch.ask("smembers", key(name))) for name in (QUEUES, PROCESSES)]
    for place in places:
        name, kind = place.key(key), "list" if place.is_queue else "sorted set"
        asked.append((name, kind, batch.ask("llen" if place.is_queue else "zcard", name)))
    batch.send()
    for name, kind, answer in asked:
        if answer.of_another_type:
            raise SidekiqError(wrong_type(name, kind))


def wrong_type(name: bytes, kind: str = "") -> str:
    """What to say of a key that is of another type than Sidekiq's; `kind` is Sidekiq's."""
    is_no = f"is no {kind}" if kind else "is of another type than Sidekiq's"
    return (
        f"The key {text(name)} in Redis {is_no}, so neither this task nor Sidekiq can read it."
        " Find out who wrote it (redis-cli TYPE), and rename or delete it."
    )


def check_processes(key: Keys, wrong_types: t.Collection[bytes], identities: t.Collection[str] | None = None) -> None:
    """Raises SidekiqError if the registry of processes, or a heartbeat or running jobs, is among the keys of another type.

    `identities`: the processes that matter; None for all.
    """
    for name in wrong_types:
        if name == key(PROCESSES) or identities is None or name in _of_processes(key, identities):
            raise SidekiqError(wrong_type(name))


def _of_processes(key: Keys, identities: t.Collection[str]) -> set[bytes]:
    return {key(identity, part) for identity in identities for part in ("", ":work", ":workers")}


def place_named(name: str) -> Place:
    """The inverse of `Place.name`."""
    return Place("queues", name[6:].encode()) if name.startswith("queue:") else Place(name)


def queue_places(client: t.Any, key: Keys) -> list[Place]:
    """Every queue that is registered or that a live process serves, by name."""
    batch = Batch(client)
    names = batch.ask("smembers", key(QUEUES))
    processes, _work = together(batch, {"": read_processes(batch, key, lambda: 0.0, work=False)})[""]
    refuse_more(MOST, "queues", len(names.get(())), text(key(QUEUES)))
    served = {queue.encode() for process in processes for queue in process.queues}
    return [Place("queues", name) for name in sorted(set(names.get(())) | served)]
