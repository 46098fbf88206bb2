# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Putting back what an archive holds: each job once, however often it is asked for and whenever we die."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import typing as t
from dataclasses import dataclass

from ..archive.format import Entry
from ..archive.reader import Archive
from ..archive.spool import Spool
from ..bitmap import all_bits, bitmap_of, count_bits, difference, has_bit, intersection
from ..errors import BadOption
from ..keys import Keys
from ..traversal.location import Place, place_named
from .extract import LIFTED, RESTORED, TAKEN, Coming, Numbered, Taker, announce, steps
from .killed_jobs import still_lost
from .rotation import BITMAP_SECONDS, TURN, begin, finish, is_full
from .scripts.place import PLACE
from .scripts.weave import WEAVE

_STEP = 200
_SOUGHT_AT_ONCE = 250_000  # some 30 MB
_PAGE = 500


@dataclass
class Restored:
    """Counts of jobs: put back now, and left because they were never taken, are back already, or have moved on from where they went."""

    restored: int = 0
    locks_taken: int = 0
    not_taken: int = 0
    already: int = 0
    moved_on: int = 0


_UNKNOWN: t.Final = (
    "{} does not know the archive {}, which was made in {} at {}. Redis was told of the archive before the first job left, so one"
    " of these is true: the data of Redis were lost or set back since, this is another Redis or database, or the edit was more"
    " than 90 days ago. {}: {:,} wait in their place here, {:,} do not. Nothing was restored. If this is the wrong Redis, give the"
    " right one."
)


class Restorer:
    """Puts the entries of one archive back. `now` in epoch seconds.

    The bitmaps in Redis go where its data go: to a replica, to another host, back to an earlier time. So by them Redis knows the
    archive, and what was taken out of these very data. Into a Redis that has none nothing is put unless `force` says so, and
    then only what does not wait there.
    """

    def __init__(
        self, client: t.Any, key: Keys, archive: Archive, now: float, server: str, force: bool = False
    ) -> None:
        self._client = client
        self._key = key
        self._archive = archive
        self._now = now
        identity = archive.header.id
        self._taken_bits, self._bitmap, self._lifted_bits = (key(name + identity) for name in (TAKEN, RESTORED, LIFTED))
        here: bytes | None = client.get(self._taken_bits)
        self._known = here is not None
        self._taken = self._candidates(here)
        if not self._known:
            in_place = self._in_place()
            if not force:
                raise BadOption(self._refusal(server, in_place), "force_restore")
            self._taken = difference(self._taken, in_place)
        self._weave = client.register_script(WEAVE)
        self._place = client.register_script(PLACE)
        self._queues: set[str] = set()
        self._places: set[str] = set()
        self._sources: set[str] = set()
        self._last: int | None = None
        self.result = Restored()

    def _candidates(self, here: bytes | None) -> bytes:
        """What was taken out, as far as the archive and Redis know: without an outcome and in a Redis without the bits, perhaps all."""
        taken = self._archive.taken
        if here is not None:
            taken = here if taken is None else intersection(taken, here)
        if taken is None:
            taken = all_bits(self._archive.count)
        if self._archive.taken is None and self._archive.header.process and count_bits(taken):
            taken = still_lost(self._client, self._key, self._archive, taken)
        return taken

    def _refusal(self, server: str, in_place: bytes) -> str:
        header, removed = self._archive.header, count_bits(self._taken)
        waiting = count_bits(intersection(self._taken, in_place))
        known = (
            f"It holds {self._archive.count:,} jobs, and nobody knows any more which of them were removed"
            if self._archive.taken is None
            else f"The edit removed {removed:,} jobs"
        )
        return _UNKNOWN.format(
            server, self._archive.path, header.server, header.created_at, known, waiting, removed - waiting
        )

    def pending(self, wanted: t.Callable[[Entry], bool]) -> t.Iterator[Numbered]:
        """Entries that were taken out, are not back yet and are wanted; the others are counted."""
        back = self._client.get(self._bitmap) or b""
        for number, entry in self._archive.entries():
            if self._last is not None and number > self._last:
                return
            self._queues.update(name for name in (entry.place, entry.to) if name.startswith("queue:"))
            if not has_bit(self._taken, number):
                self.result.not_taken += 1
            elif has_bit(back, number):
                self.result.already += 1
            elif wanted(entry):
                self._places.add(entry.place)
                if _left(entry):
                    self._sources.add(entry.to)
                yield number, entry

    @property
    def places(self) -> set[str]:
        """The names of the places to which what `pending` has yielded goes back, and of those from which it comes."""
        return self._places | self._sources

    def settle(self) -> None:
        """Bring to an end what a run that was killed began in the queues of which `pending` has read.

        A Redis into which the archive was forced knows it from now on, also if there was nothing to put back: else jobs that
        run after this would be put back by the next run.
        """
        if not self._known:
            self._introduce()
        for name in sorted(self._queues):
            finish(self._client, self._key, place_named(name))

    def restore(self, wanted: t.Callable[[Entry], bool], last: int | None = None) -> None:
        """Put them back: first out of where they went, then to where they were. None after the entry number `last`."""
        self._last = last
        self._client.expire(self._taken_bits, BITMAP_SECONDS)  # as long as what the next steps set
        self._try()
        lifted = self._lift(wanted)
        for name, group in itertools.groupby(self.pending(wanted), key=lambda numbered: numbered[1].place):
            place = place_named(name)
            ready = (numbered for numbered in group if self._is_ready(numbered, lifted))
            if place.is_queue:
                self._to_queue(place, ready)
            else:
                self._to_set(place, ready, lifted)

    def _introduce(self) -> None:
        """Tell a Redis that does not know the archive what to put back, and what of it need not be fetched from where it went."""
        away = (
            (entry.to, number, entry.new)
            for number, entry in self._archive.entries()
            if has_bit(self._taken, number) and _left(entry)
        )
        nowhere = difference(self._taken, self._found_bits(away))
        pipe = self._client.pipeline(transaction=True)
        pipe.set(self._taken_bits, self._taken, ex=BITMAP_SECONDS)
        pipe.set(self._lifted_bits, nowhere, ex=BITMAP_SECONDS)
        pipe.execute()
        self._known = True

    def _try(self) -> None:
        """Let Redis refuse what it will refuse before anything is fetched from where it went."""
        for name in sorted(self._places):
            place = place_named(name)
            if place.is_queue:
                turn = self._key(TURN, place.queue)
                keys = [place.key(self._key), self._bitmap, turn, self._key("queues"), self._taken_bits]
                self._weave(keys, [self._key.prefix, 0, "", "after", place.queue, BITMAP_SECONDS, repr(self._now)])
            else:
                self._place(
                    [place.key(self._key), self._bitmap, self._taken_bits],
                    [self._key.prefix, BITMAP_SECONDS, repr(self._now), "add"],
                )

    def _lift(self, wanted: t.Callable[[Entry], bool]) -> bytes:
        """Take what went to another place out of there again. What is no longer there has moved on."""
        name = LIFTED + self._archive.header.id
        announce(self._client, self._lifted_bits)
        fetched = self._client.get(self._lifted_bits) or b""
        taker = Taker(self._client, self._key, name)
        went = (
            (entry.to, number, entry.new)
            for number, entry in self.pending(wanted)
            if _left(entry) and not has_bit(fetched, number)
        )
        for target, sought in _sought(went):
            # all are looked for before one is taken: taking moves what is still to be read
            with contextlib.closing(Spool(os.path.dirname(self._archive.path))) as spool:
                for page in _pages(self._found(target, sought)):
                    spool.add(*zip(*page))
                taker.take(spool.entries())
        self.result.not_taken = self.result.already = 0  # will be counted when they are put back
        return taker.taken()

    def _in_place(self) -> bytes:
        """Those of the taken that wait in their place by themselves."""
        out = (
            (entry.place, number, entry.raw)
            for number, entry in self._archive.entries()
            if has_bit(self._taken, number)
        )
        return self._found_bits(out)

    def _found_bits(self, entries: t.Iterator[tuple[str, int, bytes]]) -> bytes:
        """Of places, numbers and bytes: those that are there."""
        return bitmap_of(number for name, sought in _sought(entries) for number, _entry in self._found(name, sought))

    def _found(self, target: str, sought: _Sought) -> t.Iterator[Numbered]:
        """Those of the entries that are there; each is found once."""
        for position, raw, _score in place_named(target).members(self._client, self._key):
            number = sought.pop(raw)
            if number is not None:
                yield number, Entry(target, raw, position=position)

    def _is_ready(self, numbered: Numbered, lifted: bytes) -> bool:
        if not _left(numbered[1]) or has_bit(lifted, numbered[0]):
            return True
        self.result.moved_on += 1
        return False

    def _to_set(self, place: Place, group: t.Iterator[Numbered], lifted: bytes) -> None:
        def mode_of(numbered: Numbered) -> str:
            return "score" if _rescored(numbered[1]) and not has_bit(lifted, numbered[0]) else "add"

        for mode, same in itertools.groupby(group, key=mode_of):
            for step in steps(same):
                arguments: list[t.Any] = [self._key.prefix, BITMAP_SECONDS, repr(self._now), mode]
                for number, entry in step:
                    arguments += [entry.raw, number, repr(float(entry.score or 0.0)), *_lock(entry)]
                placed, locked = self._place([place.key(self._key), self._bitmap, self._taken_bits], arguments)
                self._count(placed, locked)
                self.result.moved_on += len(step) - placed

    def _to_queue(self, place: Place, group: t.Iterator[Numbered]) -> None:
        """Back to their old positions: exact where the queue is as the edit left it."""
        turn = begin(self._client, self._key, place)
        keys = [place.key(self._key), self._bitmap, turn.key, self._key("queues"), self._taken_bits]
        coming = Coming(group)
        offset = 0  # members that will lie before those that this step is about
        following = coming.peek()
        while following:
            window = 0 if turn.ended else turn.window
            step: list[Numbered] = []
            size = 0
            while following and len(step) < _STEP and not is_full(0, size):
                if not turn.ended and _before(following, offset + len(step)) >= window:
                    break
                step.append(coming.pop())
                size += len(following[1].raw)
                following = coming.peek()
            if following:
                window = min(window, _before(following, offset + len(step)))
            arguments: list[t.Any] = [self._key.prefix, window, turn.id, "after" if turn.ended else turn.mode]
            arguments += [place.queue, BITMAP_SECONDS, repr(self._now)]
            for index, numbered in enumerate(step):
                number, entry = numbered
                arguments += [entry.raw, number, _before(numbered, offset + index), *_lock(entry)]
            left, processed, locked, placed, done = self._weave(keys, arguments)
            if not turn.ended:
                turn.advance(left, processed, asked=window)
            if turn.lost:  # another edit has ended it; what was put in is counted among the members now
                turn, offset = begin(self._client, self._key, place), 0
                keys[2] = turn.key
                coming.push(step)
                following = coming.peek()
                continue
            coming.push(step[done:])  # before which more members go than the step took
            following = coming.peek()
            offset += processed + placed
            self._count(placed, locked)
        if not turn.ended:
            finish(self._client, self._key, place, turn.id)

    def _count(self, placed: int, locked: int) -> None:
        self.result.restored += placed
        self.result.locks_taken += locked


class _Sought:
    """Which entries became members of these bytes, in little memory."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._same: dict[bytes, list[int]] = {}

    def add(self, number: int, raw: bytes) -> None:
        digest = _digest(raw)
        if self._numbers.setdefault(digest, number) != number:
            self._same.setdefault(digest, []).append(number)

    def pop(self, raw: bytes) -> int | None:
        """An entry with these bytes, each once."""
        digest = _digest(raw)
        same = self._same.get(digest)
        return same.pop() if same else self._numbers.pop(digest, None)


def _sought(entries: t.Iterator[tuple[str, int, bytes]]) -> t.Iterator[tuple[str, _Sought]]:
    """Of places, numbers and bytes: what to look for in each place, some at a time."""
    while True:
        places: dict[str, _Sought] = {}
        for name, number, raw in itertools.islice(entries, _SOUGHT_AT_ONCE):
            places.setdefault(name, _Sought()).add(number, raw)
        if not places:
            return
        yield from places.items()


def _pages(numbered: t.Iterator[Numbered]) -> t.Iterator[list[Numbered]]:
    for first in numbered:
        yield [first, *itertools.islice(numbered, _PAGE - 1)]


def _before(numbered: Numbered, offset: int) -> int:
    """How many members stand between the offset and the position of an entry."""
    return max(0, numbered[1].position - offset)


def _digest(raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=8).digest()


def _left(entry: Entry) -> bool:
    """Whether the edit moved it to another place (or changed its bytes), so that it must be fetched from there."""
    return bool(entry.to) and not _rescored(entry)


def _rescored(entry: Entry) -> bool:
    return entry.to == entry.place and entry.new == entry.raw


def _lock(entry: Entry) -> tuple[str, str, int]:
    return str(entry.lock.get("digest", "")), str(entry.lock.get("jid", "")), int(entry.lock.get("ttl_ms", 0))
