# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Turning a list once around: where it stands, and how much of it one step may take.

A step is bounded in members and in bytes (`lua`). How many members that is shows in the steps before.

Where a turn stands is kept in Redis, see `lua`. So a turn whose process was killed is brought to its end by the next one
that edits the queue, and two processes that edit a queue at once wait for each other.
"""

from __future__ import annotations

import secrets
import time
import typing as t
from dataclasses import dataclass

from ..keys import Keys
from ..traversal.location import Place
from .scripts import parts
from .scripts.sift import SIFT

BITMAP_SECONDS: t.Final = 90 * 86400
"""How long Redis remembers what it was told about archives and turns that nobody brought to their end."""

TURN: t.Final = "fediverse.mastodon:turn:"

_LARGEST = 1000
_ABANDONED = 1.0  # seconds without a step, of which one takes some milliseconds
_NO_JOBS: t.Final = ("", "drop", "", BITMAP_SECONDS, "", b"", "", b"", "", "")


@dataclass
class Turn:
    """The state between two steps. `left`: members still to be turned; `lost`: somebody else has ended it.

    `passed`: how many of those that stood there at the beginning are turned or were fetched; `at`: as it was before the
    last step.
    """

    id: str
    key: bytes
    window: int
    left: int
    mode: str = "begin"
    passed: int = 0
    at: int = 0
    lost: bool = False
    _size: int = -1

    @property
    def ended(self) -> bool:
        return self.lost or self.left == 0

    @property
    def most_open(self) -> int:
        """Of so many jobs that were sent and not met some must have left."""
        return 2 * _LARGEST

    def advance(self, left: int, processed: int, asked: int | None = None, stopped: bool = False) -> None:
        """Take in what a step says. `asked`: the window if it was another; `stopped`: it ended before a member, not for its bytes."""
        self.mode, self.lost = "go on", left < 0
        if self.lost:
            return
        if self._size < 0:
            self._size = left + processed
        self.left, self.passed = left, self._size - left
        self.at = self.passed - processed
        if processed >= min(self.window if asked is None else asked, left + processed):
            self.window = min(_LARGEST, 4 * self.window)
        elif not stopped:
            self.window = max(1, processed)  # no more went into the bytes of a step


def begin(client: t.Any, key: Keys, place: Place) -> Turn:
    """A turn of this list, once the one before it is over; one that is empty has ended already."""
    finish(client, key, place)
    return Turn(secrets.token_hex(8), key(TURN, place.queue), _LARGEST, client.llen(place.key(key)))


def finish(client: t.Any, key: Keys, place: Place, mine: str = "") -> None:
    """End the turn of this list that is under way, if any: at once if it is `mine`, else when it was left alone."""
    stored, before, since = key(TURN, place.queue), None, time.monotonic()
    script = None
    while True:
        state = client.hmget(stored, "id", "done", "outermost")
        if state[0] is None:
            return
        if state != before:
            before, since = state, time.monotonic()
        if state[0].decode() != mine and time.monotonic() - since < _ABANDONED:
            time.sleep(_ABANDONED / 20)
            continue
        script = script or client.register_script(SIFT)
        keys = [place.key(key), stored, stored, stored, stored]
        mine = state[0].decode()
        script(keys, [key.prefix, _LARGEST, mine, "finish", *_NO_JOBS])


def is_full(count: int, size: int) -> bool:
    """Whether so many jobs of so many bytes in all are enough for a step."""
    return count >= _LARGEST or size >= parts.WINDOW_BYTES
