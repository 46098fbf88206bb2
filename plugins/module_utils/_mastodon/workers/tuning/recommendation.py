# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How many processes with how many threads a host has room for, with the arithmetic in words.

What Ruby allows: one thread of a process computes at a time, so a process keeps about one core busy, and more than 25
threads in it wait for each other. What a thread needs: memory, a connection to PostgreSQL, one to Redis.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..host import Host
from ..validate import STOCK, Limits, beside

WEIGHTS: t.Final = {"default": 8, "push": 6, "ingress": 4, "mailers": 2}
"""Of config/sidekiq.yml; the others have 1."""
REDIS_EXTRA: t.Final = 10
"""Connections of a Sidekiq process beside those of its threads (Sidekiq 7 and 8: the internal pool; 6 has 5)."""
MIB: t.Final = 1024**2


@dataclass(frozen=True)
class Machine:
    """What the host has and what runs. Sizes in bytes; `processes`: (rss, threads) of each Sidekiq that runs here.

    `redis_clients`: connections to Redis now, and the most it takes; None where it does not tell.
    """

    cores: int
    memory_total: int
    memory_available: int
    processes: tuple[tuple[int, int], ...] = ()
    redis_clients: tuple[int, int] | None = None


@dataclass(frozen=True)
class Preferences:
    """What the user may set; `memory` and `cores`: for Sidekiq alone, 0 to compute them."""

    threads_max: int = 25
    threads_min: int = 5
    memory: int = 0
    memory_share: float = 0.8
    cores: int = 0
    process_memory: int = 250 * MIB
    thread_memory: int = 10 * MIB


@dataclass(frozen=True)
class _Room:
    """The most that all processes together may take; None is no limit that is known."""

    cores: int
    memory: int
    per_thread: int
    connections: int | None
    redis: int | None


def recommend(host: Host, machine: Machine, preferences: Preferences, limits: Limits) -> dict[str, t.Any]:
    """See the filter fediverse.mastodon._tuning_plan for what is returned."""
    lines: list[str] = []
    room = _room(host, machine, preferences, limits, lines)
    processes, threads = _choose(room, preferences)
    kept = _keep(machine, room, preferences, processes, threads)
    if kept:
        lines.append(f"Now {processes} x {kept} threads, which is near enough to {processes} x {threads}: kept.")
        threads = kept
    required = limits.required or host.queues
    command = host.command
    running = max(1, len(machine.processes))
    return {
        "processes": processes,
        "threads": threads,
        "total": processes * threads,
        "current": [{"threads": count, "rss_bytes": rss} for rss, count in machine.processes],
        "units": _units(processes, threads, required),
        "arithmetic": [*lines, _result(processes, threads, room, preferences)],
        "fits": threads >= min(preferences.threads_min, preferences.threads_max),
        "concurrency": max(1, _threads(running, room, preferences)),
        "file_is_void": command.concurrency is not None,
        "void_because": ""
        if command.concurrency is None
        else (
            f"{host.stock_name} starts Sidekiq with -c {command.concurrency}, which wins: concurrency in config/sidekiq.yml"
            " has no effect on this host."
        ),
    }


def _room(host: Host, machine: Machine, preferences: Preferences, limits: Limits, lines: list[str]) -> _Room:
    return _Room(
        _cores(host, machine, preferences, lines),
        _memory(machine, preferences, lines),
        _per_thread(machine, preferences, lines),
        _connections(host, limits, lines),
        _redis(machine, lines),
    )


def _cores(host: Host, machine: Machine, preferences: Preferences, lines: list[str]) -> int:
    if preferences.cores:
        lines.append(f"Cores for Sidekiq: {preferences.cores} (tuning_cores).")
        return preferences.cores
    if host.web is None:
        lines.append(f"Cores for Sidekiq: all {machine.cores}, as no mastodon-web.service is here.")
        return max(1, machine.cores)
    half = max(1, machine.cores // 2)
    lines.append(f"Cores for Sidekiq: half of {machine.cores}, at least 1 = {half}; the web server is here too.")
    return half


def _memory(machine: Machine, preferences: Preferences, lines: list[str]) -> int:
    if preferences.memory:
        lines.append(f"Memory for Sidekiq: {_mib(preferences.memory)} (tuning_memory).")
        return preferences.memory
    resident = sum(rss for rss, _threads in machine.processes)
    usable = int((machine.memory_available + resident) * preferences.memory_share)
    lines.append(
        f"Memory for Sidekiq: ({_mib(machine.memory_available)} available + {_mib(resident)} that it has) x"
        f" {preferences.memory_share:g} = {_mib(usable)}; the host has {_mib(machine.memory_total)}."
    )
    return usable


def _per_thread(machine: Machine, preferences: Preferences, lines: list[str]) -> int:
    """Of the process that needs most for each thread; a young one has not grown yet, so never below the usual."""
    measured = [
        ((rss - preferences.process_memory) / threads, rss, threads) for rss, threads in machine.processes if threads
    ]
    worst = max(measured, default=None)
    if worst is None or worst[0] <= preferences.thread_memory:
        seen = (
            f"measured {_mib(worst[1])} with {worst[2]} threads, which is less" if worst else "nothing runs to measure"
        )
        lines.append(
            f"Memory per thread: {_mib(preferences.thread_memory)}, beside {_mib(preferences.process_memory)} for the process ({seen})."
        )
        return preferences.thread_memory
    lines.append(
        f"Memory per thread: ({_mib(worst[1])} measured - {_mib(preferences.process_memory)} for the process) / {worst[2]} threads"
        f" = {_mib(worst[0])}."
    )
    return int(worst[0])


def _connections(host: Host, limits: Limits, lines: list[str]) -> int | None:
    allowed = limits.max_connections if limits.max_connections is not None else host.max_connections
    if allowed is None:
        lines.append("Connections to PostgreSQL: max_connections could not be read; set tuning_max_connections.")
        return None
    if limits.reserved_connections is not None:
        taken = [(limits.reserved_connections, f"web and streaming {limits.reserved_connections}")]
    else:
        taken = beside(host)
    taken.append((host.reserved, f"kept by PostgreSQL {host.reserved}"))
    if limits.other_connections:
        taken.append((limits.other_connections, f"other hosts {limits.other_connections}"))
    free = max(0, allowed - sum(count for count, _text in taken))
    lines.append(f"Connections to PostgreSQL: {allowed} - {' - '.join(text for _count, text in taken)} = {free}.")
    return free


def _redis(machine: Machine, lines: list[str]) -> int | None:
    if machine.redis_clients is None:
        lines.append("Connections to Redis: it does not tell how many it takes.")
        return None
    now, most = machine.redis_clients
    own = sum(threads + REDIS_EXTRA for _rss, threads in machine.processes)
    others = max(0, now - own)
    free = max(0, most - others)
    lines.append(
        f"Connections to Redis: {most} - {others} of others = {free}; a process takes its threads + {REDIS_EXTRA}."
    )
    return free


def _choose(room: _Room, preferences: Preferences) -> tuple[int, int]:
    """As many processes as there are cores, as long as each has enough threads and a tenth of them is lost at most."""
    found = {processes: _threads(processes, room, preferences) for processes in range(1, room.cores + 1)}
    enough = {processes: threads for processes, threads in found.items() if threads >= preferences.threads_min}
    if not enough:
        return 1, max(1, found[1])
    most = max(processes * threads for processes, threads in enough.items())
    processes = max(processes for processes, threads in enough.items() if processes * threads >= most * 0.9)
    return processes, found[processes]


def _threads(processes: int, room: _Room, preferences: Preferences) -> int:
    """What each of so many processes can have."""
    most = [preferences.threads_max, int((room.memory / processes - preferences.process_memory) // room.per_thread)]
    if room.connections is not None:
        most.append(room.connections // processes)
    if room.redis is not None:
        most.append(room.redis // processes - REDIS_EXTRA)
    return max(0, min(most))


def _keep(machine: Machine, room: _Room, preferences: Preferences, processes: int, threads: int) -> int:
    """The threads that there are, if they are five or less away and fit; 0 to change. What is measured moves a little each
    day, and a change restarts every process."""
    counts = {count for _rss, count in machine.processes}
    if len(machine.processes) != processes or len(counts) != 1:
        return 0
    now = counts.pop()
    fits = (
        now <= preferences.threads_max
        and (room.connections is None or now * processes <= room.connections)
        and (room.redis is None or (now + REDIS_EXTRA) * processes <= room.redis)
    )
    return now if fits and now != threads and abs(now - threads) <= 5 else 0


def _units(processes: int, threads: int, queues: t.Sequence[str]) -> list[dict[str, t.Any]]:
    """For the role workers: the stock unit serves all; with three and more one is for pull alone, whose archives and
    deletions hold threads for hours; the others share all queues but the scheduler."""
    everything = [{"name": queue, "weight": WEIGHTS.get(queue, 1)} for queue in queues]
    shared = [queue for queue in everything if queue["name"] != "scheduler"]
    units = [{"name": STOCK, "queues": everything, "threads": threads}]
    number = 2
    if processes >= 3 and "pull" in queues:
        units.append({"name": "pull", "queues": [{"name": "pull", "weight": 1}], "threads": threads})
        processes -= 1
    while number <= processes:
        units.append({"name": str(number), "queues": shared, "threads": threads})
        number += 1
    return units


def _result(processes: int, threads: int, room: _Room, preferences: Preferences) -> str:
    memory = processes * (preferences.process_memory + threads * room.per_thread)
    verdict = f"{processes} process{'' if processes == 1 else 'es'} x {threads} threads = {processes * threads} threads"
    return (
        f"{verdict}: {_mib(memory)} of memory, {processes * threads} connections to PostgreSQL,"
        f" {processes * (threads + REDIS_EXTRA)} to Redis."
    )


def _mib(size: float) -> str:
    return f"{size / MIB:.0f} MiB"
