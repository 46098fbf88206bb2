# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What was read of a list: enough to go on at the right member, whatever was deleted or given back meanwhile."""

from __future__ import annotations

import typing as t
from collections import Counter, deque

_KEPT_BYTES: t.Final = 4_000_000


class Trail:
    """Milestones, one for each page, and the members that were yielded last. `total`: members read so far."""

    def __init__(self) -> None:
        self.total = 0
        self._milestones: list[tuple[int, bytes]] = []
        self._pages: deque[tuple[int, t.Sequence[bytes]]] = deque()
        self._kept = 0
        self._again: Counter[bytes] = Counter()

    def add(self, count: int, last: bytes, yielded: t.Sequence[bytes]) -> None:
        """A page of so many members was read, up to `last`; these of them are yielded."""
        if count:
            self.total += count
            self._milestones.append((self.total, last))
            self._pages.append((self.total, yielded))
            self._kept += sum(map(len, yielded))
            while self._kept > _KEPT_BYTES and len(self._pages) > 1:
                self._kept -= sum(map(len, self._pages.popleft()[1]))

    @property
    def is_behind(self) -> bool:
        """Whether members can come that were yielded before."""
        return bool(self._again)

    def is_known(self, member: bytes) -> bool:
        """Whether it was yielded before; of the same bytes as often as they were."""
        if not self._again[member]:
            return False
        self._again[member] -= 1
        return True

    def go_back(self, client: t.Any, key: bytes, recent: t.Sequence[bytes]) -> tuple[int, list[bytes]]:
        """To the nearest member that is left: how many lie at and behind it, and it; nothing if all are gone, and it
        goes back to the beginning.

        `recent`: those that were seen last, newest first. Where it has to go back further than these, what follows
        is read again, and `is_known` tells it from what is new.
        """
        near = set(recent)
        older = [milestone for milestone in reversed(self._milestones) if milestone[1] not in near]
        seen = [*recent, *(member for _order, member in older)]
        telling = only_once(seen)
        for number, member in enumerate(seen):
            if member not in telling:
                continue
            pipe = client.pipeline(transaction=False)
            pipe.execute_command("LPOS", key, member, "RANK", -1)
            pipe.llen(key)
            place, size = pipe.execute()
            if place is not None:
                if number >= len(recent):
                    self._forget_after(older[number - len(recent)][0])
                return size - place, [member]
        self._forget_after(0)
        return 0, []

    def _forget_after(self, order: int) -> None:
        self.total = order
        while self._milestones and self._milestones[-1][0] > order:
            self._milestones.pop()
        while self._pages and self._pages[-1][0] > order:
            _order, yielded = self._pages.pop()
            self._kept -= sum(map(len, yielded))
            self._again.update(yielded)


def only_once(seen: t.Sequence[bytes]) -> set[bytes]:
    """Members that say where a place is: those that were seen once; all, if none was."""
    counts = Counter(seen)
    return {member for member, count in counts.items() if count == 1} or set(counts)
