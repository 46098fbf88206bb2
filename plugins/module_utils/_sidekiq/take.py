# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Carrying out an edit: from an archive that is sealed, step by step."""

from __future__ import annotations

import itertools
import time
import typing as t
from collections import deque
from dataclasses import dataclass, field

from . import lua
from .archive import Entry
from .keys import SETS, Keys
from .place import Place, place_named
from .turn import Turn, begin, window_for

TAKEN: t.Final = "fediverse.mastodon:taken:"
RESTORED: t.Final = "fediverse.mastodon:restored:"
LIFTED: t.Final = "fediverse.mastodon:lifted:"
"""Bitmaps of an archive in Redis, by its id: entries taken out, put back, and fetched back from where they went."""

BITMAP_SECONDS: t.Final = 90 * 86400

Numbered = tuple[int, Entry]
_SLACK = 1000


@dataclass
class Outcome:
    """What was done. C(taken): how many; C(gone): those that left by themselves; C(complete) is false when the time was up."""

    taken: int = 0
    gone: list[Numbered] = field(default_factory=list)
    locks_freed: int = 0
    complete: bool = True


class Taker:
    """Takes entries out of their places and puts them where they are to go. C(deadline) by time.monotonic()."""

    def __init__(self, client: t.Any, key: Keys, bitmap: str, deadline: float | None = None) -> None:
        self._client = client
        self._key = key
        self._bitmap = key(bitmap)
        self._deadline = deadline
        self._sift = client.register_script(lua.SIFT)
        self._pick = client.register_script(lua.PICK)
        self.outcome = Outcome()

    def take(self, entries: t.Iterable[Numbered]) -> None:
        """Entries in the order in which they were read, so that those of a place stand together."""
        for name, group in itertools.groupby(entries, key=lambda numbered: numbered[1].place):
            place = place_named(name)
            if place.is_queue:
                self._from_queue(place, group)
            else:
                self._from_set(place, group)
            if not self.outcome.complete:
                return

    def taken(self) -> bytes:
        """The bitmap of the entries that were taken out."""
        return t.cast(bytes, self._client.get(self._bitmap) or b"")

    def forget(self) -> None:
        """Remove the bitmap, once it is written down elsewhere."""
        self._client.delete(self._bitmap)

    def _from_queue(self, place: Place, group: t.Iterator[Numbered]) -> None:
        key = place.key(self._key)
        turn = begin(self._client, key)
        coming: list[Numbered] = []  # the next one, at which a step must stop
        open_: deque[Numbered] = deque()  # sent, and not yet seen to be there or gone
        target, target_key, kind = b"", key, "drop"
        while True:
            coming = coming or list(itertools.islice(group, 1))
            while coming and coming[0][1].position < turn.processed + turn.window:
                open_ += coming
                coming = list(itertools.islice(group, 1))
            if turn.ended:
                break
            if self.outcome.complete and self._late():
                self.outcome.complete = False
            if not self.outcome.complete:  # the turn must end all the same, or the queue would stay out of order
                if not turn.processed:
                    return
                open_.clear()
                coming.clear()
                group = iter(())
            sample = (open_ or coming)[0][1] if (open_ or coming) else None
            if sample is not None:
                target, target_key, kind = self._target(sample, place)
            taken = set(self._sift_step(turn, key, target, target_key, kind, open_, coming))
            self._settle(taken, open_, turn)
        self.outcome.gone += [*open_, *coming, *group]

    def _sift_step(
        self,
        turn: Turn,
        key: bytes,
        target: bytes,
        target_key: bytes,
        kind: str,
        wanted: t.Collection[Numbered],
        coming: t.Sequence[Numbered],
    ) -> list[int]:
        stop = coming[0][1].raw if coming else b""
        arguments: list[t.Any] = [self._key.prefix, turn.window, turn.newest, turn.second, turn.before, stop]
        arguments += [kind, target, BITMAP_SECONDS]
        arguments += _jobs(wanted, kind)
        keys = [key, self._bitmap, target_key, self._key("queues")]
        processed, done, before, freed, numbers = self._sift(keys, arguments)
        turn.advance(processed, done, before)
        self.outcome.locks_freed += freed
        self.outcome.taken += len(numbers)
        return t.cast("list[int]", numbers)

    def _settle(self, taken: set[int], open_: deque[Numbered], turn: Turn) -> None:
        """Forget what was taken; what must have been passed without being found is gone."""
        for _count in range(len(open_)):
            numbered = open_.popleft()
            if numbered[0] in taken:
                continue
            if numbered[1].position + _SLACK < turn.processed:
                self.outcome.gone.append(numbered)
            else:
                open_.append(numbered)

    def _from_set(self, place: Place, group: t.Iterator[Numbered]) -> None:
        key = place.key(self._key)
        for (target, target_key, kind), same in itertools.groupby(group, key=lambda one: self._target(one[1], place)):
            for step in steps(same):
                if self._late():
                    self.outcome.complete = False
                    return
                arguments: list[t.Any] = [self._key.prefix, kind, target, BITMAP_SECONDS]
                arguments += _jobs(step, kind)
                freed, numbers = self._pick([key, self._bitmap, target_key, self._key("queues")], arguments)
                self.outcome.locks_freed += freed
                self.outcome.taken += len(numbers)
                found = set(numbers)
                self.outcome.gone += [numbered for numbered in step if numbered[0] not in found]

    def _target(self, entry: Entry, place: Place) -> tuple[bytes, bytes, str]:
        """Where an entry goes: the queue's name, the key, and the kind that the scripts know."""
        if not entry.to:
            return b"", place.key(self._key), "drop"
        target = place_named(entry.to)
        if target.is_queue:
            return target.queue, target.key(self._key), "list"
        if entry.to == entry.place and entry.new == entry.raw:
            return b"", target.key(self._key), "score"
        return b"", self._key(SETS[target.set]), "zset"

    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline


def steps(group: t.Iterator[Numbered]) -> t.Iterator[list[Numbered]]:
    """As many at once as a step may take."""
    for first in group:
        yield [first, *itertools.islice(group, window_for([first[1].raw]) - 1)]


def _jobs(wanted: t.Collection[Numbered], kind: str) -> list[t.Any]:
    """The arguments that the scripts call jobs."""
    old = [entry.raw for _number, entry in wanted]
    new = [entry.new for _number, entry in wanted] if kind in ("list", "zset") else []
    scores = [repr(float(entry.new_score or 0.0)) for _number, entry in wanted] if kind in ("zset", "score") else []
    arguments: list[t.Any] = [",".join([str(number) for number, _entry in wanted])]
    for members in (old, new):
        arguments += [b"".join(members), ",".join([str(len(member)) for member in members])]
    arguments.append(",".join(scores))
    for index, (_number, entry) in enumerate(wanted, start=1):
        if entry.lock:
            arguments += [index, entry.lock["digest"], entry.lock["jid"]]
    return arguments
