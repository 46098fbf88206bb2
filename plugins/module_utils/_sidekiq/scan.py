# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Members of a queue of which only some are wanted, found by Redis itself."""

from __future__ import annotations

import itertools
import typing as t
from concurrent.futures import ThreadPoolExecutor

from . import lua
from .walk import PAGE, Page, locate


def candidates(
    client: t.Any, key: bytes, needles: t.Sequence[bytes], page: int = PAGE
) -> t.Iterator[tuple[int, bytes]]:
    """Positions (0 runs next) and stored bytes of the members in which one of the needles occurs.

    Follows the list as C(walk.queue_members) does. Needs the right to run scripts, which Sidekiq itself needs as well.
    """
    script = client.register_script(lua.SCAN)
    left = client.llen(key)
    total = 0
    milestones: list[bytes] = []

    pages = Page(page)

    def read(seen: int, last: bytes) -> t.Any:
        while True:
            reply = script([key], [seen, pages.size, min(seen, pages.margin), last, *needles])
            if reply[0] >= 0:
                pages.learn(reply[1], reply[7])
                return reply
            # more was fetched than the margin allows for, or somebody deleted the last one
            seen, there = locate(client, key, [last, *reversed(milestones)])
            last = there[0] if there else b""

    with ThreadPoolExecutor(max_workers=1) as ahead:  # Redis looks for the next page while this one is worked on
        coming = ahead.submit(read, 0, b"") if left else None
        while coming is not None:
            seen, fresh, last, ended, places, sizes, found, _bytes = coming.result()
            more = fresh and not ended and left > fresh
            milestones.append(last)
            coming = ahead.submit(read, seen + fresh, last) if more else None
            for place, raw in zip(_numbers(places), _cut(found, _numbers(sizes))):
                if place >= left:
                    return
                yield total + place, raw
            left -= fresh
            total += fresh


def _numbers(joined: bytes) -> list[int]:
    return [int(number) for number in joined.split(b",")] if joined else []


def _cut(found: bytes, sizes: list[int]) -> t.Iterator[bytes]:
    ends = list(itertools.accumulate(sizes))
    return (found[end - size : end] for size, end in zip(sizes, ends))
