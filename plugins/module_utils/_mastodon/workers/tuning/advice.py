# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which limit keeps the threads down, and what raising it would give."""

from __future__ import annotations

import itertools
import sys
import typing as t
from dataclasses import dataclass, replace

from ...._sidekiq.humanize import size
from .bounds import REDIS_EXTRA, Bounds
from .connections import Budget
from .layout import WORTH, Layout, most_threads
from .machine import Machine, Preferences

_LIFTED: t.Final = sys.maxsize
_STEP: t.Final = 50
"""max_connections is advised in steps of 50, as every change restarts PostgreSQL."""
MANY_CONNECTIONS: t.Final = 300
"""max_connections is advised up to here. Beyond it the advice is PgBouncer, as in Mastodon's own guide to scaling."""


@dataclass(frozen=True)
class Raise:
    """A limit which alone keeps the threads down. `to`: the value of the limit that gives `layout`."""

    limit: str
    now: int
    to: int
    layout: Layout
    sentence: str


def raises(
    bounds: Bounds, room: Layout, machine: Machine, preferences: Preferences, budget: Budget
) -> tuple[Raise, ...]:
    """Each limit that gives more threads when it alone is raised, as far as the other limits allow."""

    def most(**lifted: int | None) -> Layout:
        return most_threads(replace(bounds, **lifted), preferences.fewest)  # type: ignore[arg-type]

    found = (
        _connections(room, most, preferences, budget),
        _memory(bounds, most(memory=_LIFTED), preferences),
        _redis(bounds, most(redis=None), machine),
        _cores(bounds, most(cores=2 * bounds.cores)),
    )
    return tuple(
        replace(
            step,
            sentence=f"{step.sentence}: {step.layout} = {step.layout.total} threads instead of {room.total}.",
        )
        for step in found
        if step.layout.total * WORTH > room.total
    )


def no_raise(bounds: Bounds, room: Layout, preferences: Preferences) -> str:
    """Why raising no single limit is worth it: the two limits that do when both are raised."""
    lifts: dict[str, dict[str, int | None]] = {
        "cores": {"cores": 2 * bounds.cores},
        "memory": {"memory": _LIFTED},
        "connections to PostgreSQL": {"connections": _LIFTED},
        "connections to Redis": {"redis": None},
    }
    for one, other in itertools.combinations(lifts, 2):
        layout = most_threads(replace(bounds, **lifts[one], **lifts[other]), preferences.fewest)  # type: ignore[arg-type]
        if layout.total * WORTH > room.total:
            return f"Limit: {one} and {other} together. Raising one of them alone gives little."
    return "Limit: several limits together. Raising one or two of them gives little."


def _connections(room: Layout, most: t.Callable[..., Layout], preferences: Preferences, budget: Budget) -> Raise:
    now = f"{budget.allowed}{' (assumed)' if budget.assumed else ''}"
    also = "" if preferences.max_connections is None else ", and tuning_max_connections too"
    layout = most(connections=_LIFTED)
    to = -(-(budget.taken + layout.total) // _STEP) * _STEP
    text = f"Raise max_connections from {now} to"
    if to > MANY_CONNECTIONS:
        capped = most(connections=max(0, MANY_CONNECTIONS - budget.taken))
        if capped.total * WORTH > room.total:
            layout, to = capped, MANY_CONNECTIONS
        else:
            text = f"max_connections is {now}. Put PgBouncer in front, with a max_client_conn of"
    return Raise("connections", budget.allowed, to, layout, f"Limit: connections to PostgreSQL. {text} {to}{also}")


def _memory(bounds: Bounds, layout: Layout, preferences: Preferences) -> Raise:
    to = bounds.memory_of(layout.threads)
    text = f"Raise tuning_memory from {size(bounds.memory)} to {size(to)}"
    if not preferences.memory:
        text = f"Give the host {size((to - bounds.memory) / preferences.memory_share)} more"
    return Raise("memory", bounds.memory, to, layout, f"Limit: memory. {text}")


def _redis(bounds: Bounds, layout: Layout, machine: Machine) -> Raise:
    now = machine.redis_clients[1] if machine.redis_clients else 0
    to = now + layout.total + REDIS_EXTRA * len(layout.threads) - (bounds.redis or 0)
    text = f"Limit: connections to Redis. Raise maxclients of Redis from {now} to {to}"
    return Raise("redis", now, to, layout, text)


def _cores(bounds: Bounds, layout: Layout) -> Raise:
    to = 2 * bounds.cores
    text = f"Limit: cores. With {to} cores for Sidekiq instead of {bounds.cores}"
    return Raise("cores", bounds.cores, to, layout, text)
