# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Processes whose host and pid belong to a newer process: they died, although their heartbeat has not expired yet.

A crashed process keeps its heartbeat for up to 60 s. In a container every process has the same host name and pid (1,
or 7 behind tini), so that a restart after a crash shows two entries for what can only be one process.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict


class Process(t.Protocol):
    """What a process says of itself. Times in epoch seconds."""

    @property
    def identity(self) -> str: ...
    @property
    def hostname(self) -> str | None: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def started_at(self) -> float | None: ...
    @property
    def beat(self) -> float | None: ...
    @property
    def alive(self) -> bool: ...


def superseded(processes: t.Iterable[Process]) -> frozenset[str]:
    """Identities of the processes that a newer process with the same host name and pid has replaced.

    Containers of different instances may share both host name and pid. Their heartbeats overlap: a process that sent a
    heartbeat after the newer one started is another living process. Both times come from the clock of one host.
    """
    twins: defaultdict[tuple[str, int], list[Process]] = defaultdict(list)
    for process in processes:
        if process.hostname and process.pid is not None:
            twins[process.hostname, process.pid].append(process)
    return frozenset(identity for group in twins.values() if len(group) > 1 for identity in _older(group))


def _older(group: t.Sequence[Process]) -> t.Iterator[str]:
    newest = max((process.started_at for process in group if process.started_at is not None), default=None)
    if newest is None:
        return
    for process in group:
        if process.started_at is None:
            if not process.alive:
                yield process.identity  # without a heartbeat only the identity is left
        elif process.started_at < newest and process.beat is not None and process.beat < newest:
            yield process.identity
