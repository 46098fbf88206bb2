# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""When it is certain what runs: a job that has left its queue is in no list until the next heartbeat of its process.

Sidekiq writes the list of running jobs with each heartbeat (every 5 s in release 6, every 10 s in 7 and 8), not with each
job. So a job that is in no queue, no set and no list of running jobs is gone only if every process has sent a heartbeat
that began after the job was looked for.
"""

from __future__ import annotations

import time
import typing as t

from ..keys import Keys
from ..redis.batch import run_reader
from .process import read_processes

Beats = t.Mapping[str, t.Optional[float]]
"""The time of the last heartbeat of each process whose heartbeat has not expired, by its own clock."""

MARGIN: t.Final = 1.0
"""Seconds. A heartbeat collects the running jobs, then writes them, then its time (`Sidekiq::Launcher#beat`). One that
arrives sooner after the look than this may have collected them before."""

CERTAIN: t.Final = 75.0
"""Seconds after which no process can be silent: its heartbeat has expired after 60 s, and then it is dead."""

_PAUSE: t.Final = 0.25


class Certainty:
    """Which processes have not said yet what they run since a look ended. Moments in seconds, by any one clock."""

    def __init__(self, looked_at: float) -> None:
        self._looked_at = looked_at
        self._before: Beats | None = None

    def silent(self, at: float, beats: Beats) -> tuple[str, ...]:
        """The silent processes, given the heartbeats that were read at a moment.

        Heartbeats are only compared with each other: the clock of a process may be wrong. A process that has left since runs
        nothing; one that came since has said so by a heartbeat of its own.
        """
        if not beats:
            return ()
        if self._before is None:
            if at >= self._looked_at + MARGIN:
                self._before = dict(beats)
            return tuple(sorted(beats))
        return tuple(sorted(name for name, beat in self._before.items() if name in beats and beats[name] == beat))


def read_beats(client: t.Any, key: Keys) -> dict[str, float | None]:
    """The last heartbeat of each process that has one, also if a newer process seems to have replaced it: another heartbeat may show that it lives."""
    processes, _work = run_reader(client, lambda batch: read_processes(batch, key, lambda: 0.0, work=False))
    return {process.identity: process.beat for process in processes if process.has_heartbeat}


def wait_for_heartbeats(
    client: t.Any,
    key: Keys,
    timeout: float,
    but: t.Collection[str] = (),
    sleep: t.Callable[[float], None] = time.sleep,
) -> tuple[str, ...]:
    """Wait until every living process has said what it runs since this call; return those that have not within `timeout` seconds.

    `but`: identities that are of no interest.
    """
    began = time.monotonic()
    certainty = Certainty(began)
    while True:
        at = time.monotonic()
        beats = {name: beat for name, beat in read_beats(client, key).items() if name not in but}
        silent = certainty.silent(at, beats)
        if not silent or time.monotonic() >= began + timeout:
            return silent
        sleep(_PAUSE)
