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


def queue_members(client: t.Any, key: bytes, start: int = 0, page: int = PAGE) -> t.Iterator[bytes]:
    """The stored bytes of a list, newest first, from index C(start) on.

    Pushes at the head move everything to higher indexes, so each page begins with the last member of the one before
    and what lies before that member has been seen. Pops at the tail move nothing. (C(Queue#each) of sidekiq api.rb
    pages by index alone and shows jobs twice.)
    """
    last: bytes | None = None
    while True:
        members = client.lrange(key, start, start + page - 1)
        fresh = members
        if last is not None:
            try:
                fresh = members[members.index(last) + 1 :]
            except ValueError:
                moved_to = client.execute_command("LPOS", key, last)
                if moved_to is not None:  # many pushes, or somebody deleted jobs before it
                    start = moved_to
                    continue
                # it was deleted; if it was popped instead, all behind it are gone too and this page is empty
        yield from fresh
        if len(members) < page:
            return
        last = members[-1]
        start += page - 1


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
