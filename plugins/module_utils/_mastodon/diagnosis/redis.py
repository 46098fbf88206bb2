# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Rules about Redis: what it may throw away, what it would lose, whether this Sidekiq can use it."""

from __future__ import annotations

import typing as t

from ..._sidekiq.humanize import size
from ..._sidekiq.text import text
from .finding import Finding
from .view import View, numbers

_NEEDED: t.Final = {6: (4, 0), 7: (6, 2), 8: (7, 0)}
"""Sidekiq's major version -> the oldest Redis it starts with (sidekiq cli.rb; 8.0.0 alone wanted 7.2)."""


def eviction(view: View) -> t.Iterator[Finding]:
    """Any policy but noeviction lets Redis delete queues when memory is short, without a word."""
    server = view.snapshot.server
    if server and server.eviction_policy not in (None, "", "noeviction"):
        evicted = f"; {server.evicted_keys:,} keys evicted since it started" if server.evicted_keys else ""
        yield Finding(
            "redis_eviction",
            "critical",
            "Redis",
            f"maxmemory-policy is {server.eviction_policy}: Redis may delete whole queues when memory is short{evicted}.",
            "redis-cli CONFIG SET maxmemory-policy noeviction, and the same in redis.conf. A cache with eviction belongs into a Redis of its own.",
            {"eviction_policy": server.eviction_policy, "evicted_keys": server.evicted_keys},
        )


def memory(view: View) -> t.Iterator[Finding]:
    """Near maxmemory; above it every enqueue fails."""
    server = view.snapshot.server
    if not server or not server.maxmemory or server.used_memory is None:
        return
    share = server.used_memory / server.maxmemory
    if share > view.limits.redis_memory_warning:
        yield Finding(
            "redis_memory",
            "critical" if share > view.limits.redis_memory_critical else "warning",
            "Redis",
            f"{size(server.used_memory)} of {size(server.maxmemory)} used ({share:.0%}): at the limit every enqueue fails.",
            "Raise maxmemory if the host has the memory; else work off or take out the largest queue first.",
            {"used_memory": server.used_memory, "maxmemory": server.maxmemory, "share": share},
        )


def replica(view: View) -> t.Iterator[Finding]:
    """We, and so perhaps Sidekiq, talk to a replica: it takes no writes."""
    server = view.snapshot.server
    if server and server.role == "slave":
        yield Finding(
            "redis_replica",
            "critical",
            "Redis",
            f"This Redis is a replica (link to its primary: {server.master_link or 'unknown'}): nothing can be enqueued or taken here.",
            "Connect to the primary: check redis_url or REDIS_URL, or use the sentinels.",
            {"role": server.role, "master_link": server.master_link},
        )


def wrong_types(view: View) -> t.Iterator[Finding]:
    """A key of another type: Sidekiq fails at every command on it, and here what it should hold counts as absent."""
    for name in view.snapshot.wrong_types:
        yield Finding(
            "redis_key_type",
            "critical",
            "Redis",
            f"The key {text(name)} is of another type than Sidekiq's: Sidekiq cannot use it, and the figures here lack what belongs there.",
            "Find out who wrote it (redis-cli TYPE, OBJECT IDLETIME), and rename or delete it.",
            {"key": text(name)},
        )


def persistence(view: View) -> t.Iterator[Finding]:
    """Jobs exist nowhere else: without persistence a restart of Redis loses them all."""
    server = view.snapshot.server
    if not server:
        return
    if server.rdb_enabled is False and server.aof_enabled is False:
        yield Finding(
            "redis_persistence",
            "warning",
            "Redis",
            "Neither snapshots nor the append-only file are on: a restart of Redis loses every job and every feed.",
            "redis-cli CONFIG SET appendonly yes, then CONFIG REWRITE.",
            {"rdb_enabled": False, "aof_enabled": False},
        )
    elif server.rdb_last_save_ok is False or server.aof_last_write_ok is False:
        yield Finding(
            "redis_save_failed",
            "critical",
            "Redis",
            "The last attempt to save to disk failed: Redis may refuse all writes (stop-writes-on-bgsave-error).",
            "Look for a full disk or missing permissions: journalctl -u redis-server, df -h /var/lib/redis.",
            {"rdb_last_save_ok": server.rdb_last_save_ok, "aof_last_write_ok": server.aof_last_write_ok},
        )


def too_old(view: View) -> t.Iterator[Finding]:
    """Sidekiq refuses to start with a Redis older than it needs."""
    server = view.snapshot.server
    have = numbers(server.compatible_version if server else None)
    newest = max((numbers(process.version) for process in view.snapshot.alive), default=())
    needed = _NEEDED.get(newest[0]) if newest else None
    if server and have and needed and have[:2] < needed:
        yield Finding(
            "redis_too_old",
            "critical",
            "Redis",
            f"{server.product} {server.version} is older than this Sidekiq needs ({needed[0]}.{needed[1]}): it will not start again.",
            "Upgrade Redis before the next restart of Sidekiq.",
            {"version": server.version, "needed": ".".join(map(str, needed))},
        )
