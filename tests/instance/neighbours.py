# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else lies in the same database: the feeds, failure trackers and caches of Mastodon. Nobody may touch them."""

from __future__ import annotations

import time

import redis

from .activities import DEAD_DOMAIN, inbox

_FEEDS = 5
_DAYS_OF_FAILURE = 6
"""One day short of the 7 at which Mastodon stops to deliver to a domain (`DeliveryFailureTracker`)."""


def write(client: redis.Redis, now: float) -> None:
    """Write the keys of the neighbours."""
    pipe = client.pipeline(transaction=False)
    for account in range(1, _FEEDS + 1):
        statuses = {
            str(117_637_000_000_000_000 + 65_536 * number): 117_637_000_000_000_000 + 65_536 * number
            for number in range(400)
        }
        pipe.zadd(f"feed:home:{account}", statuses)
        pipe.zadd(f"feed:home:{account}:reblogs", dict(list(statuses.items())[:20]))
    pipe.sadd(
        f"exhausted_deliveries:{DEAD_DOMAIN}",
        *(time.strftime("%Y%m%d", time.gmtime(now - 86400 * day)) for day in range(_DAYS_OF_FAILURE)),
    )
    pipe.hset(
        f"stoplight:v5:metadata:{inbox(DEAD_DOMAIN)}", mapping={"locked_state": "unlocked", "consecutive_errors": "10"}
    )
    pipe.set("lock:distribute:117637131796480335", "1", ex=900)
    pipe.sadd("worker_batch:117637131796480335:jobs", "4b0d3f6b8a5f4b5f9f0c1a2b")
    pipe.set("cache:trending_tags", b"\x04\b[\x00", ex=86400)
    pipe.execute()


def is_neighbour(key: bytes) -> bool:
    """Whether a key belongs to Mastodon itself, not to Sidekiq or its gems."""
    return key.startswith((b"feed:", b"exhausted_deliveries:", b"stoplight:", b"lock:", b"worker_batch:", b"cache:"))


def contents(client: redis.Redis) -> dict[bytes, bytes | None]:
    """Every key of the neighbours with its serialised value, to be compared before and after."""
    return {key: client.dump(key) for key in sorted(client.scan_iter(count=1000)) if is_neighbour(key)}
