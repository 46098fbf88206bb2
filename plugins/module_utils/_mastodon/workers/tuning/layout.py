# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How many processes with how many threads: the most that has room, or what runs if changing it gains nothing."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .bounds import Bounds
from .load import Load
from .machine import Preferences

NEAR: t.Final = 5
"""Threads in each process that are not worth a restart of all. What is measured moves a little each day."""
WORTH: t.Final = 0.9
"""What costs less than a tenth of the threads is not worth a process, nor a higher limit."""


@dataclass(frozen=True)
class Layout:
    """The threads of each process."""

    threads: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.threads)

    @property
    def most(self) -> int:
        """The threads of the largest process."""
        return max(self.threads, default=0)

    def __str__(self) -> str:
        if not self.threads:
            return "none"
        if len(set(self.threads)) == 1:
            return f"{len(self.threads)} x {self.threads[0]}"
        return " + ".join(map(str, self.threads))


@dataclass(frozen=True)
class Choice:
    """`layout` to run, and why. `needed` is false if more has room but the load needs no more than what runs."""

    layout: Layout
    reason: str
    needed: bool = True


def most_threads(bounds: Bounds, fewest: int) -> Layout:
    """As many processes as there are cores, as long as each has enough threads and a tenth of them is lost at most."""
    each = {processes: bounds.threads_of_each(processes) for processes in range(1, bounds.cores + 1)}
    enough = {processes: threads for processes, threads in each.items() if threads >= fewest}
    if not enough:
        return Layout((each[1],) if each[1] else ())
    most = max(processes * threads for processes, threads in enough.items())
    processes = max(processes for processes, threads in enough.items() if processes * threads >= most * WORTH)
    return Layout((each[processes],) * processes)


def choose(room: Layout, running: Layout, bounds: Bounds, load: Load, preferences: Preferences) -> Choice:
    """What runs stays if it is within all bounds and a change would gain nothing; else all that has room."""
    if not running.threads:
        return Choice(room, "")
    exceeded = bounds.exceeded(running.threads)
    if exceeded:
        return Choice(room, f"What runs ({running}) exceeds a limit: {'; '.join(exceeded)}.")
    if running == room:
        return Choice(room, "")
    if preferences.consider_load and not load.needs_more:
        return Choice(running, "", needed=False)
    if _near(room, running):
        return Choice(
            running, f"What runs is at most {NEAR} threads in each process below {room}: not worth a restart."
        )
    if not load.needs_more:
        return Choice(room, "What there is room for, whatever the load (tuning_consider_load: false).")
    if len(room.threads) > len(running.threads):
        return Choice(room, "A process keeps about one core busy, so more processes come before more threads.")
    return Choice(room, "")


def _near(room: Layout, running: Layout) -> bool:
    same = len(room.threads) == len(running.threads) and len(set(running.threads)) == 1
    return same and 0 < room.most - running.most <= NEAR
