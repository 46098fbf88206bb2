# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How many bytes the keys of Redis use: a bounded look through them, some of each kind measured."""

from __future__ import annotations

import typing as t

_BATCH: t.Final = 1000


def scan_keys(client: t.Any, limit: int) -> tuple[list[bytes], bool]:
    """The names of at most so many keys, and whether these are all."""
    names: dict[bytes, None] = {}
    cursor = 0
    while True:
        cursor, found = client.scan(cursor=cursor, count=_BATCH)
        names.update(dict.fromkeys(found))
        if len(names) >= limit:
            return list(names)[:limit], cursor == 0 and len(names) == limit
        if cursor == 0:
            return list(names), True


def sizes(client: t.Any, names: t.Sequence[bytes]) -> dict[bytes, int]:
    """Bytes of each key, with what Redis needs to keep it; keys that are gone are missing. Members of large keys are sampled."""
    found: dict[bytes, int] = {}
    for start in range(0, len(names), _BATCH):
        part = names[start : start + _BATCH]
        pipeline = client.pipeline(transaction=False)
        for name in part:
            pipeline.memory_usage(name, samples=20)
        for name, size in zip(part, pipeline.execute()):
            if size is not None:
                found[name] = int(size)
    return found
