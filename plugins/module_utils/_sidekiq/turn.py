# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Turning a list once, window by window, while producers push and workers fetch.

A turn ends with the member that was the newest when it began; what is pushed meanwhile comes to lie among the turned ones.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

WINDOW_BYTES: t.Final = 400_000
"""Of a list, so that a step holds Redis for a few milliseconds."""

_LARGEST, _SMALLEST = 1000, 20


@dataclass
class Turn:
    """The state between two steps: what the script must know to see where it stands."""

    window: int
    newest: bytes
    second: bytes
    left: int
    before: bytes = b""
    processed: int = 0
    ended: bool = False

    def advance(self, processed: int, done: int, before: bytes) -> None:
        """Take in what a step says of itself."""
        self.processed += processed
        self.left -= processed
        self.before = before
        self.ended = bool(done) or self.left <= 0


def begin(client: t.Any, key: bytes) -> Turn:
    """A turn of this list; one that is empty has ended already."""
    pipe = client.pipeline(transaction=True)
    pipe.llen(key)
    pipe.lrange(key, 0, 1)
    pipe.lrange(key, -50, -1)
    size, newest, sample = pipe.execute()
    window = window_for(sample)
    first, second = [*newest, b"", b""][:2]
    return Turn(window, first, second, size, ended=size == 0)


def window_for(members: t.Sequence[bytes]) -> int:
    """How many members of this size a step may take."""
    average = sum(map(len, members)) / len(members) if members else 1.0
    return max(_SMALLEST, min(_LARGEST, int(WINDOW_BYTES / max(average, 1.0))))
