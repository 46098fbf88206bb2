# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Members of a queue of which only some are wanted, found by Redis itself."""

from __future__ import annotations

import contextlib
import itertools
import typing as t

from ..redis.prefetch import Ahead
from .cursor import Trail
from .iterate import PAGE, PAGE_BYTES, Page
from .prefilter import Needles
from .scan_script import SCAN

_SLICE = 20


def candidates(client: t.Any, key: bytes, needles: Needles, page: int = PAGE) -> t.Iterator[tuple[int, bytes]]:
    """Positions (0 runs next) and stored bytes of the members that the needles do not rule out.

    Follows the list as `walk.queue_members` does. Needs the right to run scripts, which Sidekiq itself needs as well;
    without it raises NoPermissionError of redis-py before the first member.
    """
    end, last = client.llen(key), b""
    trail = Trail()
    pages = Page(page)
    kind = "nested" if needles.nested else "plain"

    with contextlib.closing(Ahead(client)) as ahead:

        def ask(seen: int, last: bytes) -> None:
            margin = min(seen, pages.margin)
            how = [kind, "folded" if needles.folded else "exact"]
            slice_of = _SLICE if pages.size > _SLICE else 1  # one by one at the beginning, and where they are large
            limits = [slice_of, PAGE_BYTES]
            ahead.ask(["EVAL", SCAN, 1, key, seen, pages.size, margin, last, *how, *limits, *needles.pieces])

        if end:
            ask(0, b"")
        while trail.total < end:
            [reply] = ahead.answer()
            if reply[0] < 0:
                # more was fetched than the margin allows for, or somebody deleted the last one
                seen, there = trail.go_back(client, key, [last])
                if not there:
                    end = client.llen(key)
                last = there[0] if there else b""
                ask(seen, last)
                continue
            seen, fresh, last, ended, places, sizes, joined, moved, largest = reply
            pages.learn(fresh, moved, largest)
            total, left = trail.total, end - trail.total
            over = ended or left <= fresh
            if not over:
                ask(seen + fresh, last)
            found = list(_cut(joined, _numbers(sizes)))
            trail.add(fresh, last, found)
            behind = trail.is_behind
            for place, raw in zip(_numbers(places), found):
                if place >= left:
                    return
                if not (behind and trail.is_known(raw)):
                    yield total + place, raw
            if over:
                return


def _numbers(joined: bytes) -> list[int]:
    return list(map(int, joined.split(b","))) if joined else []


def _cut(joined: bytes, sizes: list[int]) -> t.Iterator[bytes]:
    ends = list(itertools.accumulate(sizes))
    return (joined[end - size : end] for size, end in zip(sizes, ends))
