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

from ..archive.format import Entry
from ..bitmap import count_bits
from ..errors import SidekiqError
from ..keys import SETS, Keys
from ..redis.failures import LOST
from ..traversal.location import Place, place_named
from .rotation import BITMAP_SECONDS, TURN, Turn, begin, finish, is_full
from .scripts.begin import BEGIN
from .scripts.pick import PICK
from .scripts.sift import SIFT

TAKEN: t.Final = "fediverse.mastodon:taken:"
RESTORED: t.Final = "fediverse.mastodon:restored:"
LIFTED: t.Final = "fediverse.mastodon:lifted:"
"""Bitmaps of an archive in Redis, by its id: entries taken out, put back, and fetched back from where they went."""

Numbered = tuple[int, Entry]
_SLACK = 1000
_COMING = 100
_LOOKS = 20
_STEP = 400  # members of a set, each of which costs Redis several look-ups
_AHEAD = 16  # a part of the window
_PROBES, _DEEPEST = 20_000, 100_000


@dataclass
class Outcome:
    """What was done. `taken`: how many; `gone`: those that left by themselves; `stayed`: those that are still there, as the
    set in which they were to go has the same bytes; `complete` is false when the time was up; `undone`: how many of the
    steps' jobs Redis does not know as taken, because its data were set back meanwhile."""

    taken: int = 0
    gone: list[Numbered] = field(default_factory=list)
    stayed: list[Numbered] = field(default_factory=list)
    locks_freed: int = 0
    complete: bool = True
    undone: int = 0

    def settle(self, bitmap: bytes) -> None:
        """Count what Redis knows as taken at the end."""
        known = count_bits(bitmap)
        self.undone, self.taken = self.taken - known, known


def announce(client: t.Any, bitmap: bytes) -> None:
    """Tell Redis of an archive before its first job leaves: a Redis that does not know it later has lost data since."""
    client.register_script(BEGIN)([bitmap], [BITMAP_SECONDS])


class Taker:
    """Takes entries out of their places and puts them where they are to go. `deadline` by time.monotonic().

    Redis must have been told of the bitmap, see `announce`.
    """

    def __init__(self, client: t.Any, key: Keys, bitmap: str, deadline: float | None = None) -> None:
        self._client = client
        self._key = key
        self._bitmap = key(bitmap)
        self._deadline = deadline
        self._sift = client.register_script(SIFT)
        self._pick = client.register_script(PICK)
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
        """The bitmap of the entries that were taken out. Raises SidekiqError if Redis has lost it."""
        taken: bytes | None = self._client.get(self._bitmap)
        if taken is None:
            raise SidekiqError(f"Redis {LOST}", "lost_data")
        return taken

    def _from_queue(self, place: Place, group: t.Iterator[Numbered]) -> None:
        missed, before = self._turn(place, group), -1
        # What was not met may only have been passed: other edits, and much that comes and goes, can hide it.
        while missed and self.outcome.complete:
            still_there = self._still_there(place, missed)
            numbers = {number for number, _entry in still_there}
            self.outcome.gone += [numbered for numbered in missed if numbered[0] not in numbers]
            if self.outcome.taken == before:
                self.outcome.stayed += still_there
                return
            before = self.outcome.taken
            missed = self._turn(place, iter(still_there)) if still_there else []

    def _still_there(self, place: Place, missed: t.Sequence[Numbered]) -> list[Numbered]:
        """Those that are in the queue, with their positions of now.

        While somebody turns the queue a look can miss what he carries to the other end: then it looks again.
        """
        still_there: list[Numbered] = []
        for _look in range(_LOOKS):
            finish(self._client, self._key, place)
            still_there = self._look_for(place, missed)
            if len(still_there) == len(missed) or not self._client.exists(self._key(TURN, place.queue)):
                break
        return still_there

    def _look_for(self, place: Place, missed: t.Sequence[Numbered]) -> list[Numbered]:
        wanted: dict[bytes, list[Numbered]] = {}
        for numbered in reversed(missed):
            wanted.setdefault(numbered[1].raw, []).append(numbered)
        still_there = []
        for position, raw, _score in place.members(self._client, self._key):
            if wanted.get(raw):
                number, entry = wanted[raw].pop()
                still_there.append((number, entry._replace(position=position)))
        return still_there

    def _turn(self, place: Place, group: t.Iterator[Numbered]) -> list[Numbered]:
        """Turn the queue once and take those that are met; returns the others, unless the time was up."""
        turn = begin(self._client, self._key, place)
        coming = Coming(group)
        drift = self._drift(place, coming)
        open_: deque[Numbered] = deque()  # sent, and not met yet
        missed: list[Numbered] = []
        while not turn.ended:
            soon = turn.passed + turn.window + drift
            following = coming.peek()
            size = sum(len(entry.raw) for _number, entry in open_)
            while following and not (open_ and is_full(0, size)):
                if following[1].position >= soon and len(open_) > turn.window // _AHEAD:
                    break
                open_.append(coming.pop())
                size += len(following[1].raw)
                following = coming.peek()
            if not open_:
                break
            if self._late():
                self.outcome.complete = False
                break
            stopped, numbers, last = self._step(turn, place, open_, following)
            met = [numbered for numbered in open_ if numbered[0] in numbers]
            open_ = deque(numbered for numbered in open_ if numbered[0] not in numbers)
            if stopped and following:
                open_.append(coming.pop())
                drift = following[1].position - turn.passed
            elif met:
                drift = met[-1][1].position - turn.at - last
            while open_ and (open_[0][1].position < turn.passed + drift - _SLACK or len(open_) > turn.most_open):
                missed.append(open_.popleft())
        if turn.mode == "go on" and not turn.ended:
            finish(self._client, self._key, place, turn.id)
        return [*missed, *open_, *coming] if self.outcome.complete else []

    def _step(
        self, turn: Turn, place: Place, wanted: t.Sequence[Numbered], stop: Numbered | None
    ) -> tuple[bool, set[int], int]:
        """Whether it ended before the member at which to stop, which were taken, and where in the step the last one was."""
        queue, target, kind = self._target(wanted[0][1], place)
        arguments: list[t.Any] = [self._key.prefix, turn.window, turn.id, turn.mode]
        arguments += [stop[1].raw if stop else b"", kind, queue, BITMAP_SECONDS, *_jobs(wanted, kind)]
        keys = [place.key(self._key), self._bitmap, turn.key, target, self._key("queues")]
        left, processed, freed, stopped, last, numbers = self._sift(keys, arguments)
        turn.advance(left, processed, stopped=bool(stopped))
        self.outcome.locks_freed += freed
        self.outcome.taken += len(numbers)
        return bool(stopped), set(numbers), last

    def _drift(self, place: Place, coming: Coming) -> int:
        """By how much members are nearer to the tail than when they were read: those before them were fetched meanwhile."""
        drift, index, key = 0, 0, place.key(self._key)
        while index < _PROBES:
            numbered = coming.peek(index)
            if numbered is None or numbered[1].position > _DEEPEST:
                break
            position = numbered[1].position
            pipe = self._client.pipeline(transaction=False)
            pipe.execute_command("LPOS", key, numbered[1].raw, "RANK", -1, "MAXLEN", position + _SLACK)
            pipe.llen(key)
            place_now, size = pipe.execute()
            if place_now is not None:
                return position - int(size - 1 - place_now)
            drift, index = position + 1, 2 * index + 1
        return drift

    def _from_set(self, place: Place, group: t.Iterator[Numbered]) -> None:
        key = place.key(self._key)
        for (target, target_key, kind), same in itertools.groupby(
            group, key=lambda numbered: self._target(numbered[1], place)
        ):
            for step in steps(same):
                if self._late():
                    self.outcome.complete = False
                    return
                arguments: list[t.Any] = [self._key.prefix, kind, target, BITMAP_SECONDS]
                arguments += _jobs(step, kind)
                freed, numbers, left = self._pick([key, self._bitmap, target_key, self._key("queues")], arguments)
                self.outcome.locks_freed += freed
                self.outcome.taken += len(numbers)
                there = {*numbers, *left}
                self.outcome.gone += [numbered for numbered in step if numbered[0] not in there]
                self.outcome.stayed += [numbered for numbered in step if numbered[0] in set(left)]

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


class Coming:
    """Entries that can be looked at before they are taken."""

    def __init__(self, group: t.Iterator[Numbered]) -> None:
        self._group = group
        self._seen: deque[Numbered] = deque()

    def peek(self, index: int = 0) -> Numbered | None:
        """The next one or one after it, None if there are not so many."""
        if index >= len(self._seen):
            self._seen += itertools.islice(self._group, index + _COMING)
        return self._seen[index] if index < len(self._seen) else None

    def pop(self) -> Numbered:
        return self._seen.popleft() if self._seen else next(self._group)

    def push(self, entries: t.Sequence[Numbered]) -> None:
        """Back to where they came from."""
        self._seen.extendleft(reversed(entries))

    def __iter__(self) -> t.Iterator[Numbered]:
        while self.peek():
            yield self.pop()


def steps(group: t.Iterator[Numbered]) -> t.Iterator[list[Numbered]]:
    """As many at once as a step may take."""
    step: list[Numbered] = []
    size = 0
    for numbered in group:
        step.append(numbered)
        size += len(numbered[1].raw)
        if is_full(len(step), size) or len(step) >= _STEP:
            yield step
            step, size = [], 0
    if step:
        yield step


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
