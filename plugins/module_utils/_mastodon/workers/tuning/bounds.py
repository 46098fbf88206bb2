# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The most that all Sidekiq processes of this host may take together, each bound with its arithmetic."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...._sidekiq.humanize import size
from ..host import Host
from .connections import Budget
from .machine import Machine, Preferences

REDIS_EXTRA: t.Final = 10
"""Connections of a Sidekiq process in addition to those of its threads (Sidekiq 7 and 8: the internal pool; Sidekiq 6 has 5)."""


@dataclass(frozen=True)
class Bounds:
    """`cores`: processes; `threads_max`: threads of one process; `redis` is None if no limit is known."""

    cores: int
    threads_max: int
    memory: int
    process_memory: int
    thread_memory: int
    connections: int
    redis: int | None

    def threads_of_each(self, processes: int) -> int:
        """The most threads that each of so many processes can have; 0 if so many processes have no room."""
        most = [
            self.threads_max,
            (self.memory // processes - self.process_memory) // self.thread_memory,
            self.connections // processes,
        ]
        if self.redis is not None:
            most.append(self.redis // processes - REDIS_EXTRA)
        return max(0, min(most))

    def memory_of(self, threads: t.Sequence[int]) -> int:
        """Bytes that processes with so many threads each need."""
        return len(threads) * self.process_memory + sum(threads) * self.thread_memory

    def exceeded(self, threads: t.Sequence[int]) -> list[str]:
        """The bounds that processes with so many threads each exceed, in words."""
        memory, redis = self.memory_of(threads), sum(threads) + len(threads) * REDIS_EXTRA
        checks = (
            (len(threads) > self.cores, f"{len(threads)} processes for {self.cores} cores"),
            (max(threads, default=0) > self.threads_max, f"more than {self.threads_max} threads in a process"),
            (memory > self.memory, f"{size(memory)} of memory, limit {size(self.memory)}"),
            (
                sum(threads) > self.connections,
                f"{sum(threads)} connections to PostgreSQL, limit {self.connections}",
            ),
            (self.redis is not None and redis > self.redis, f"{redis} connections to Redis, limit {self.redis}"),
        )
        return [text for is_over, text in checks if is_over]


def read_bounds(
    host: Host, machine: Machine, preferences: Preferences, budget: Budget
) -> tuple[Bounds, tuple[str, ...]]:
    """The bounds and the sentences that explain them."""
    cores, about_cores = _cores(host, machine, preferences)
    memory, about_memory = _memory(machine, preferences)
    thread_memory, about_threads = _thread_memory(machine, preferences)
    redis, about_redis = _redis(machine)
    bounds = Bounds(
        cores, preferences.threads_max, memory, preferences.process_memory, thread_memory, budget.free, redis
    )
    return bounds, (about_cores, about_memory, about_threads, budget.sentence, about_redis)


def _cores(host: Host, machine: Machine, preferences: Preferences) -> tuple[int, str]:
    if preferences.cores:
        return preferences.cores, f"Cores for Sidekiq: {preferences.cores} (tuning_cores)."
    if host.web is None:
        cores = max(1, machine.cores)
        return cores, f"Cores for Sidekiq: all {cores}, as no mastodon-web.service is on this host."
    half = max(1, machine.cores // 2)
    return (
        half,
        f"Cores for Sidekiq: half of {machine.cores}, at least 1 = {half}, as the web server is on this host too.",
    )


def _memory(machine: Machine, preferences: Preferences) -> tuple[int, str]:
    if preferences.memory:
        return preferences.memory, f"Memory for Sidekiq: {size(preferences.memory)} (tuning_memory)."
    resident = sum(process.rss for process in machine.processes)
    usable = int((machine.memory_available + resident) * preferences.memory_share)
    return usable, (
        f"Memory for Sidekiq: ({size(machine.memory_available)} available + {size(resident)} that Sidekiq uses) x"
        f" {preferences.memory_share:g} = {size(usable)}; the host has {size(machine.memory_total)}."
    )


def _thread_memory(machine: Machine, preferences: Preferences) -> tuple[int, str]:
    """Of the process that needs most for each thread. A young process has not grown yet, so never below the usual."""
    measured = [
        ((process.rss - preferences.process_memory) / process.threads, process.rss, process.threads)
        for process in machine.processes
        if process.threads
    ]
    worst = max(measured, default=None)
    if worst is None or worst[0] <= preferences.thread_memory:
        seen = (
            f"a process of {worst[2]} threads uses {size(worst[1])}, which is less"
            if worst
            else "no process to measure"
        )
        return preferences.thread_memory, (
            f"Memory per thread: {size(preferences.thread_memory)}, and {size(preferences.process_memory)} per process ({seen})."
        )
    return int(worst[0]), (
        f"Memory per thread: ({size(worst[1])} measured - {size(preferences.process_memory)} per process) / {worst[2]} threads"
        f" = {size(worst[0])}."
    )


def _redis(machine: Machine) -> tuple[int | None, str]:
    if machine.redis_clients is None:
        return None, "Connections to Redis: no limit, as Redis does not say how many it takes."
    now, most = machine.redis_clients
    others = max(0, now - sum(machine.threads) - REDIS_EXTRA * len(machine.processes))
    free = max(0, most - others)
    return free, (
        f"Connections to Redis: {most} - {others} of others = {free}; a process takes its threads + {REDIS_EXTRA}."
    )
