# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the host has, what runs on it, and what the user may set."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...._sidekiq.errors import BadOption

MIB: t.Final = 1024**2
_NOT_NEGATIVE: t.Final = (
    "memory",
    "cores",
    "process_memory",
    "max_connections",
    "reserved_connections",
    "other_connections",
)


@dataclass(frozen=True)
class Running:
    """A Sidekiq process of this host. `rss`: its resident memory in bytes."""

    rss: int
    threads: int


@dataclass(frozen=True)
class Machine:
    """Sizes in bytes. `elsewhere`: threads of the Sidekiq processes that belong to no unit of this host.

    `redis_clients`: connections to Redis now, and the most that Redis takes; None if Redis does not say.
    """

    cores: int
    memory_total: int
    memory_available: int
    processes: tuple[Running, ...] = ()
    elsewhere: int = 0
    redis_clients: tuple[int, int] | None = None

    @property
    def threads(self) -> tuple[int, ...]:
        """The threads of each process that runs here."""
        return tuple(process.threads for process in self.processes)


@dataclass(frozen=True)
class Preferences:
    """`memory` and `cores` are for Sidekiq alone; 0 computes them. `docs/tuning.md` says where each number comes from.

    Connections to PostgreSQL: `reserved_connections` of web and streaming servers, `other_connections` of other hosts.
    """

    threads_max: int = 25
    threads_min: int = 5
    memory: int = 0
    memory_share: float = 0.8
    cores: int = 0
    process_memory: int = 250 * MIB
    thread_memory: int = 10 * MIB
    consider_load: bool = True
    required_queues: tuple[str, ...] = ()
    max_connections: int | None = None
    reserved_connections: int | None = None
    other_connections: int | None = None

    def __post_init__(self) -> None:
        for name in ("threads_max", "threads_min", "thread_memory"):
            if getattr(self, name) < 1:
                raise BadOption(f"tuning_{name} is {getattr(self, name)}; it must be 1 or more.")
        for name in _NOT_NEGATIVE:
            if (getattr(self, name) or 0) < 0:
                raise BadOption(f"tuning_{name} is {getattr(self, name)}; it must not be negative.")
        if not 0 < self.memory_share <= 1:
            raise BadOption(f"tuning_memory_share is {self.memory_share:g}; it must be above 0 and at most 1.")

    @property
    def fewest(self) -> int:
        """The fewest threads with which a process is worth its memory."""
        return min(self.threads_min, self.threads_max)
