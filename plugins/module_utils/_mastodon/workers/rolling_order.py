# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""In which order units start, change and go, so that no queue is left alone and there are never two schedulers.

A move takes some units down and some up, at the same time. Almost always it is one unit. Two go together where one alone
would leave a queue unserved until the next move, or serve `scheduler` twice: its old process stops before the new one starts.
"""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass

Served = t.Mapping[str, frozenset[str]]
"""Queues by unit."""

_START, _CHANGE, _REMOVE = 0, 1, 2


@dataclass(frozen=True)
class Move:
    """`drain`: the queues of the units that go down are served by others, so there is time to let their jobs finish."""

    down: tuple[str, ...]
    up: tuple[str, ...]
    drain: bool = False


def order(running: Served, wanted: Served, restart: t.Collection[str], elsewhere: t.Collection[str] = ()) -> list[Move]:
    """`running`: the queues that each running unit takes from now, none for a quiet one. `restart`: units that run as
    they are no longer wanted. `elsewhere`: queues that other hosts serve."""
    now = dict(running)
    pending = {
        **{unit: _START for unit in wanted if unit not in now},
        **{unit: _CHANGE for unit in wanted if unit in now and unit in restart},
        **{unit: _REMOVE for unit in now if unit not in wanted},
    }
    moves: list[Move] = []
    while pending:
        chosen = _choose(now, wanted, pending, frozenset(elsewhere))
        moves.append(_move(now, wanted, chosen, pending, frozenset(elsewhere)))
        now = _after(now, wanted, chosen)
        for unit in chosen:
            del pending[unit]
    return _joined(moves)


def _choose(now: Served, wanted: Served, pending: t.Mapping[str, int], elsewhere: frozenset[str]) -> tuple[str, ...]:
    """The fewest units that can move safely together; starts before changes before removals, else in the order of names."""
    units = sorted(pending, key=lambda unit: (pending[unit], unit))
    for size in range(1, min(4, len(units))):
        for chosen in itertools.combinations(units, size):
            if _safe(now, _after(now, wanted, chosen), wanted, elsewhere):
                return chosen
    return tuple(units)


def _safe(now: Served, after: Served, wanted: Served, elsewhere: frozenset[str]) -> bool:
    kept = _all(now) & _all(wanted)  # what nobody shall serve in the end may go
    return kept <= _all(after) | elsewhere and _schedulers(after) <= max(1, _schedulers(now))


def _after(now: Served, wanted: Served, chosen: t.Collection[str]) -> dict[str, frozenset[str]]:
    left = {unit: queues for unit, queues in now.items() if unit not in chosen}
    return {**left, **{unit: wanted[unit] for unit in chosen if unit in wanted}}


def _all(served: Served) -> frozenset[str]:
    return frozenset(itertools.chain.from_iterable(served.values()))


def _schedulers(served: Served) -> int:
    return sum(1 for queues in served.values() if "scheduler" in queues)


def _move(
    now: Served, wanted: Served, chosen: t.Sequence[str], kinds: t.Mapping[str, int], elsewhere: frozenset[str]
) -> Move:
    down = tuple(unit for unit in chosen if kinds[unit] != _START)
    up = tuple(unit for unit in chosen if kinds[unit] != _REMOVE)
    stays = _all({unit: queues for unit, queues in now.items() if unit not in down}) | elsewhere
    left_alone = _all({unit: now[unit] for unit in down}) & _all(wanted) - stays
    return Move(down, up, bool(down) and not left_alone)


def _joined(moves: t.Sequence[Move]) -> list[Move]:
    """Starts that follow each other are one, and so are removals that drain: what is served in the end covers them all."""
    joined: list[Move] = []
    for move in moves:
        last = joined[-1] if joined else None
        if last and not last.down and not move.down:
            joined[-1] = Move((), last.up + move.up)
        elif last and last.drain and not last.up and move.drain and not move.up:
            joined[-1] = Move(last.down + move.down, (), True)
        else:
            joined.append(move)
    return joined
