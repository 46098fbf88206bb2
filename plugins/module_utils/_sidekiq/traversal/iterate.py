# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Every member of a queue or a sorted set, page by page, while workers and producers go on.

A member that is there all the time is yielded exactly once; one that comes or goes meanwhile may or may not be.
A key of another type is not Sidekiq's and holds no member.
"""

from __future__ import annotations

import typing as t

from .cursor import Trail, only_once

PAGE: t.Final = 1000
PAGE_BYTES: t.Final = 1_000_000
_FIRST_PAGE = 4
_LARGE = 65_536  # where one is large the next ones may be as well, whatever the average says
_MARGIN = 100


class Page:
    """How many members to read at once: `most`, but fewer where they are large. `margin`: of those seen last.

    Nobody knows the size of a member before it is read, and a page of large ones takes more memory than a Redis may have left.
    So it begins with few, and takes four times as many while they are small. `least`: as it cannot go on with fewer.
    """

    def __init__(self, most: int, least: int = 1) -> None:
        self._most, self._least = most, min(most, least)
        self.size, self.margin = min(most, _FIRST_PAGE), _MARGIN

    def learn(self, count: int, size: int, largest: int) -> None:
        """So many members had so many bytes in all, and the largest so many."""
        fit = PAGE_BYTES // largest if largest > _LARGE else PAGE_BYTES * count // max(size, 1)
        self.size = max(self._least, min(self._most, 4 * self.size, fit))
        self.margin = max(1, min(_MARGIN, fit // 4))


def queue_members(client: t.Any, key: bytes, page: int = PAGE) -> t.Iterator[bytes]:
    """The stored bytes of a list in the order in which its jobs run, oldest first.

    Counted from the tail, pushes at the head move nothing, while jobs that are fetched or deleted move all others nearer
    to the tail, and jobs that a stopping process gives back move them away from it. So each page reaches back over the
    members seen last and goes on before them, wherever they are now.
    (`Queue#each` of sidekiq api.rb pages from the head by index alone, and shows jobs twice.)
    Ends after as many members as there were at the beginning, however fast producers are. Of identical members that are
    fetched meanwhile as many others may be missed.
    """
    if client.type(key) != b"list":
        return
    end: int | None = None
    seen, recent = 0, t.cast("list[bytes]", [])
    trail, pages = Trail(), Page(page)
    while end is None or trail.total < end:
        # no transaction, which an ACL for reading does not permit: Redis answers a small pipeline in one go
        pipe = client.pipeline(transaction=False)
        pipe.lrange(key, -(seen + pages.size), -(seen - len(recent) + 1))
        pipe.llen(key)
        members, size = pipe.execute()
        place = _find(members, recent)
        if place is None:  # they lie further away, or are gone
            seen, recent = trail.go_back(client, key, recent)
            end = end if recent else None
            continue
        if end is None:
            end = size
        fresh = members[:place][-(end - trail.total) :]
        seen += len(members) - len(recent)
        fresh.reverse()
        trail.add(len(fresh), fresh[-1] if fresh else b"", fresh)
        yield from (member for member in fresh if not trail.is_known(member)) if trail.is_behind else fresh
        if seen >= size:
            return
        sizes = list(map(len, members))
        pages.learn(len(sizes), sum(sizes), max(sizes, default=0))
        recent = members[: pages.margin]


def set_members(client: t.Any, key: bytes, page: int = PAGE) -> t.Iterator[tuple[bytes, float]]:
    """Members of a sorted set with their scores (epoch seconds), lowest score first.

    Redis orders them by score and then by their bytes, so the last one yielded says where to go on, whatever came or
    went before it. `page` must be at least 2.
    """
    if client.type(key) != b"zset":
        return
    low, offset, back = "-inf", 0, _MARGIN
    last: tuple[float, bytes] | None = None
    pages = Page(page, least=2)
    while True:
        rows = [
            (float(score), member)
            for member, score in client.zrangebyscore(key, low, "+inf", start=offset, num=pages.size, withscores=True)
        ]
        # where members before it went, what followed them would be skipped
        if last and offset and (not rows or rows[0] > last):
            offset, back = max(0, offset - back), back * 2
            continue
        back = _MARGIN
        for row in rows:
            if last is None or row > last:
                yield row[1], row[0]
        if len(rows) < pages.size:
            return
        sizes = [len(member) for _score, member in rows]
        pages.learn(len(sizes), sum(sizes), max(sizes))
        last = max(last, rows[-1]) if last else rows[-1]
        # goes on with the last of these rows, to see whether it is still where it was
        highest = rows[-1][0]
        if highest == float(low):
            offset += len(rows) - 1
        else:
            low, offset = repr(highest), sum(1 for score, _member in rows if score == highest) - 1


def _find(members: list[bytes], recent: list[bytes]) -> int | None:
    """Where the recent members, once at the end, begin now; None if not one of them is there."""
    expected = len(members) - len(recent)
    if members[expected:] == recent:
        return expected
    telling = only_once(recent)
    for place in sorted(range(len(members)), key=lambda index: (abs(index - expected), index < expected)):
        there = members[place : place + len(recent)]
        if there == recent[: len(there)] and not telling.isdisjoint(there):
            return place
    # some were deleted: the nearest to the head of those that are left, if those before it would lie in this page too
    for gone, member in enumerate(recent):
        if member in telling and member in members:
            place = len(members) - 1 - members[::-1].index(member)
            return place if place >= gone else None
    return None
