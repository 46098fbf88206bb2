# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How busy the machine was while something was measured, and whether that spoils the figures."""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

OTHERS_LIMIT = 0.10
"""The share of the processors' time that other programs may use before the figures are distrusted."""
_EVERY = 2.0  # seconds between two readings of the load average
_STAT = pathlib.Path("/proc/stat")


@dataclass(frozen=True)
class Reading:
    """The load average of the last minute, and seconds: of a clock, that all processors were busy, that they were for us."""

    load: float
    clock: float
    busy: float
    ours: float


@dataclass
class Watched:
    """Two readings, and the highest load average from the one to the other."""

    processors: int
    before: Reading
    after: Reading | None = None
    highest: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def report(self) -> str:
        """What the load was, and whether to distrust what was measured meanwhile."""
        after = self.after or read()
        share = others(self.before, after, self.processors)
        lines = [
            f"{self.processors} processors. Load average: {self.before.load:.1f} before, {self.highest:.1f} during (the highest),"
            f" {after.load:.1f} after. Other programs used {share:.0%} of the processors' time."
        ]
        reasons = doubts(self.before, share, self.processors)
        if reasons:
            lines.append(f"Distrust these figures: {'; '.join(reasons)}.")
        return "\n".join(lines)


def busy_seconds(stat: str, ticks: int) -> float:
    """Seconds that all processors together did anything, from the text of /proc/stat. What a hypervisor took away is included.

    See proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; the time of guests is part of user and nice.
    """
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in stat.split(None, 9)[1:9])
    return (user + nice + system + irq + softirq + steal) / ticks


def others(before: Reading, after: Reading, processors: int) -> float:
    """The share of the processors' time, from 0 to 1, that was used and not by us."""
    whole = (after.clock - before.clock) * processors
    used = (after.busy - before.busy) - (after.ours - before.ours)
    return min(1.0, max(0.0, used / whole)) if whole > 0 else 0.0


def doubts(before: Reading, share: float, processors: int) -> list[str]:
    """Why to distrust what was measured, if there is a reason."""
    reasons = []
    if before.load > processors:
        reasons.append(
            f"the load average was {before.load:.1f} when it began, more than {processors} processors can serve"
        )
    if share > OTHERS_LIMIT:
        reasons.append(f"other programs used {share:.0%} of the processors' time (limit {OTHERS_LIMIT:.0%})")
    return reasons


def read() -> Reading:
    """The state of this moment. Ours is what this process used and all its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Reading(
        load=os.getloadavg()[0],
        clock=time.monotonic(),
        busy=busy_seconds(_STAT.read_text(encoding="ascii"), os.sysconf("SC_CLK_TCK")),
        ours=sum(usage.ru_utime + usage.ru_stime for usage in usages),
    )


@contextlib.contextmanager
def watching() -> Iterator[Watched]:
    """Reads the load before, during and after the block, in which every child must end that the block starts."""
    before = read()
    watched = Watched(os.cpu_count() or 1, before, highest=before.load)

    def look() -> None:
        while not watched.over.wait(_EVERY):
            watched.highest = max(watched.highest, os.getloadavg()[0])

    thread = threading.Thread(target=look, name="load", daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        watched.over.set()
        thread.join()
        watched.after = read()
        watched.highest = max(watched.highest, watched.after.load)
