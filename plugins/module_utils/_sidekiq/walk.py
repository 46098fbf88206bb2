# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Every member of a queue or a sorted set, page by page, while workers and producers go on.

A member that is there all the time is yielded exactly once; one that comes or goes meanwhile may or may not be.
"""

from __future__ import annotations

import typing as t

from .times import number

PAGE: t.Final = 1000
_MARGIN = 100


def queue_members(client: t.Any, key: bytes, page: int = PAGE) -> t.Iterator[bytes]:
    """The stored bytes of a list in the order in which its jobs run, oldest first.

    Counted from the tail, pushes at the head move nothing, while jobs that are fetched move all others nearer to the
    tail. So each page reaches back over what was seen by a margin and goes on before the last member seen.
    (C(Queue#each) of sidekiq api.rb pages from the head by index alone, and shows jobs twice.)
    Ends after as many members as there were at the beginning, however fast producers are.
    """
    left = client.llen(key)
    seen, last = 0, None
    while left > 0:
        margin = min(seen, _MARGIN)
        members = client.lrange(key, -(seen + page), -(seen - margin + 1))
        fresh = members
        if last is not None:
            place = _find(members, last, len(members) - margin)
            if place is None:  # more was fetched than the margin allows for
                seen = _distance(client, key, last)
                if seen:
                    continue
            else:
                fresh = members[:place]
                seen -= margin - (len(members) - place)  # by as many as were fetched
        for raw in reversed(fresh[-left:]):
            yield raw
        if not fresh or len(members) < page + margin:
            return
        left -= len(fresh)
        seen += len(fresh)
        last = fresh[0]


def set_members(client: t.Any, key: bytes, page: int = PAGE) -> t.Iterator[tuple[bytes, float]]:
    """Members of a sorted set with their scores (epoch seconds), lowest score first."""
    low, offset = "-inf", 0
    while True:
        rows = client.zrangebyscore(key, low, "+inf", start=offset, num=page, withscores=True)
        for member, score in rows:
            yield member, number(score) or 0.0
        if len(rows) < page:
            return
        highest = repr(float(rows[-1][1]))
        same = sum(1 for _member, score in rows if repr(float(score)) == highest)
        low, offset = highest, same + (offset if highest == low else 0)


def _find(members: list[bytes], member: bytes, expected: int) -> int | None:
    if members[expected : expected + 1] == [member]:
        return expected
    return next((index for index in range(len(members) - 1, -1, -1) if members[index] == member), None)


def _distance(client: t.Any, key: bytes, member: bytes) -> int:
    """How many members lie at and behind this one, counted from the tail; 0 if it is gone, and so all behind it."""
    pipe = client.pipeline(transaction=True)
    pipe.execute_command("LPOS", key, member, "RANK", -1)
    pipe.llen(key)
    index, size = pipe.execute()
    return 0 if index is None else size - index
