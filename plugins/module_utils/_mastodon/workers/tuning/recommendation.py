# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How many processes with how many threads a host should run, and why.

What Ruby allows: one thread of a process computes at a time, so a process keeps about one core busy, and more than 25
threads in it wait for each other. What a thread needs: memory, a connection to PostgreSQL, one to Redis.
"""

from __future__ import annotations

import typing as t

from ...._sidekiq.humanize import size
from ..host import Host
from .advice import no_raise, raises
from .bounds import REDIS_EXTRA, Bounds, read_bounds
from .connections import Connected, connection_budget
from .layout import Choice, Layout, choose, most_threads
from .load import Load
from .machine import Machine, Preferences
from .notes import concurrency_ignored, notes
from .worker_units import worker_units


def recommend(
    host: Host,
    machine: Machine,
    preferences: Preferences,
    load: Load | None = None,
    connected: Connected | None = None,
) -> dict[str, t.Any]:
    """See the filter fediverse.mastodon._tuning_plan for what is returned."""
    load = load or Load()
    budget = connection_budget(host, preferences, machine.elsewhere, connected)
    bounds, arithmetic = read_bounds(host, machine, preferences, budget)
    running, room = Layout(machine.threads), most_threads(bounds, preferences.fewest)
    choice = choose(room, running, bounds, load, preferences)
    layout, fits = choice.layout, room.most >= preferences.fewest
    steps = raises(bounds, room, machine, preferences, budget) if choice.needed else ()
    limits = [step.sentence for step in steps] or ([no_raise(bounds, room, preferences)] if choice.needed else [])
    result = {
        "processes": len(layout.threads),
        "threads": layout.most,
        "total": layout.total,
        "room": {"processes": len(room.threads), "threads": room.most, "total": room.total},
        "current": [{"threads": process.threads, "rss_bytes": process.rss} for process in machine.processes],
        "differs": layout != running,
        "needed": choice.needed,
        "fits": fits,
        "units": worker_units(layout.threads, preferences.required_queues or host.queues),
        "other_connections": budget.other_hosts,
        "concurrency": _concurrency(bounds, running, load, preferences),
        "concurrency_ignored": concurrency_ignored(host),
        "limits": [
            {
                "limit": step.limit,
                "now": step.now,
                "to": step.to,
                "processes": len(step.layout.threads),
                "threads": step.layout.most,
                "total": step.layout.total,
            }
            for step in steps
        ],
        "arithmetic": [*arithmetic, _needs(layout, bounds)],
    }
    return {
        **result,
        "advice": [
            _headline(choice, running, room, preferences),
            load.sentence,
            *filter(None, [choice.reason]),
            *limits,
            *notes(host, machine, preferences, bounds.thread_memory),
        ],
    }


def _concurrency(bounds: Bounds, running: Layout, load: Load, preferences: Preferences) -> int:
    """The threads for each of the processes that run, as config/sidekiq.yml sets them for all."""
    processes = max(1, len(running.threads))
    room = Layout((bounds.threads_of_each(processes),) * processes)
    return choose(room, running, bounds, load, preferences).layout.most


def _headline(choice: Choice, running: Layout, room: Layout, preferences: Preferences) -> str:
    layout = choice.layout
    if room.most < preferences.fewest:
        left = f"only {room} threads" if room.threads else "no thread"
        return f"Not even one process of {preferences.fewest} threads has room here: {left}."
    if not choice.needed:
        return f"Keep {layout} threads. The host has room for {room} = {room.total}."
    if layout == running:
        return f"Keep {layout} = {layout.total} threads."
    return f"Run {layout} = {layout.total} threads (processes x threads of each). Now: {running}."


def _needs(layout: Layout, bounds: Bounds) -> str:
    count = len(layout.threads)
    return (
        f"{layout} = {layout.total} threads need {size(bounds.memory_of(layout.threads))} of memory,"
        f" {layout.total} connections to PostgreSQL and {layout.total + count * REDIS_EXTRA} to Redis."
    )
