# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Names of the keys that Sidekiq keeps in Redis.

With redis-namespace (Sidekiq 6, Mastodon up to 4.3) every key has a prefix such as `mastodon:`. Members of sets and
lists are never prefixed: the registry `mastodon:processes` holds `host:1:abc`, whose hash is `mastodon:host:1:abc`.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

QUEUES = "queues"
PROCESSES = "processes"
RETRY = "retry"
SCHEDULE = "schedule"
DEAD = "dead"
PAUSED = "paused"

SETS: t.Final = {"retry": RETRY, "scheduled": SCHEDULE, "dead": DEAD}
"""The sorted sets of jobs: the name that the modules use -> the name of the key."""

PRIVATE_QUEUES: t.Final = (b"sq|", b"working:")
"""Starts of queue names under which Sidekiq Pro and reliable fetchers keep running jobs. Nobody else may touch them."""


@dataclass(frozen=True)
class Keys:
    """Puts the key prefix in front of names."""

    prefix: str = ""

    def __call__(self, *parts: str | bytes) -> bytes:
        """The key made of these parts; text is encoded as UTF-8, bytes are taken as they are."""
        return self.prefix.encode() + b"".join(part.encode() if isinstance(part, str) else part for part in parts)

    def queue(self, name: str | bytes) -> bytes:
        """The list of a queue."""
        return self("queue:", name)
