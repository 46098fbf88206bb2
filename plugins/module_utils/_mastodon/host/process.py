# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The processes of this host behind heartbeats in Redis, for what acts on a single process."""

from __future__ import annotations

import os
import pathlib
import socket
import time
import typing as t
from dataclasses import dataclass

from ..._sidekiq.state.process import Process
from ..installation.identity import match
from ..installation.kernel import PROC, is_gone, pids_inside, sidekiq_processes

__all__ = ["GONE", "Local", "is_gone", "locate"]

GONE: t.Final = -1


@dataclass(frozen=True)
class Local:
    """A process of this host, by its pid here.

    `ticks`: when it started, by which it is told from a later process with the same pid. `named`: the host name of the
    heartbeat is its own; without that only its behavior can prove that the heartbeat is.
    """

    pid: int
    ticks: int
    unit: str | None
    named: bool = True

    @property
    def gone(self) -> bool:
        """Whether it had ended when it was looked for."""
        return self.ticks == GONE


def locate(heartbeats: t.Iterable[Process], proc: pathlib.Path = PROC) -> dict[str, Local]:
    """By identity the processes of this host, in containers too. Heartbeats that are not certain to be here are left out.

    One that has ended is `gone`: only root can tell, as processes may be hidden from others.
    """
    heartbeats = list(heartbeats)
    here = {process.pid: process for process in sidekiq_processes(proc)}
    found = match(list(here.values()), heartbeats, "", time.time()).found
    located = {
        one.heartbeat.identity: Local(pid, here[pid].ticks, here[pid].unit, one.named) for pid, one in found.items()
    }
    if os.geteuid() == 0:
        located.update(_gone(heartbeats, located, proc))
    return located


def _gone(
    heartbeats: t.Sequence[Process], located: t.Mapping[str, Local], proc: pathlib.Path
) -> t.Iterator[tuple[str, Local]]:
    """What this host or a container on it ran before: nothing here has that pid, or a newer process has its name and pid."""
    inside = pids_inside(proc)
    replaced = {(one.hostname, one.pid) for one in heartbeats if one.identity in located}
    for one in heartbeats:
        if one.pid is None or one.identity in located:
            continue
        ended = one.hostname == socket.gethostname() and one.pid not in inside
        if ended or (one.superseded and (one.hostname, one.pid) in replaced):
            yield one.identity, Local(one.pid, GONE, None)
