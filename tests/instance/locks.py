# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unique locks as sidekiq-unique-jobs 8.1 keeps them with Mastodon's configuration (legacy digests, no lock_info)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from .activities import compact

PREFIX = "uniquejobs"


def digest(name: str, queue: str, args: Sequence[Any]) -> str:
    """The name of a lock: MD5 over the sorted pairs of class, lock_args and queue (checked against recorded locks)."""
    pairs = [["class", name], ["lock_args", args], ["queue", queue]]
    return f"{PREFIX}:{hashlib.md5(compact(pairs).encode(), usedforsecurity=False).hexdigest()}"


def lock_fields(name: str, queue: str, args: Sequence[Any]) -> dict[str, Any]:
    """What the client middleware of the gem adds to the payload of a locking job."""
    return {"lock_timeout": 0, "lock_prefix": PREFIX, "lock_args": args, "lock_digest": digest(name, queue, args)}


def hold(client: redis.Redis, payload: Mapping[str, Any], at: float, now: float) -> str:
    """Write the lock that the job of `payload` took at `at` (epoch seconds); return its digest.

    A lock whose time to live is already over at `now` is not written: Redis would have dropped it.
    """
    name, jid = str(payload["lock_digest"]), str(payload["jid"])
    left = int((at + payload["lock_ttl"] - now) * 1000)
    if left > 0:
        pipe = client.pipeline(transaction=True)
        pipe.set(name, jid, px=left)
        pipe.hset(f"{name}:LOCKED", jid, repr(round(at, 7)))
        pipe.pexpire(f"{name}:LOCKED", left)
        pipe.zadd(f"{PREFIX}:digests", {name: at})
        pipe.execute()
    return name
