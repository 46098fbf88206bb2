# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Stopping a Sidekiq process of this host by its own signals, where Redis does not show what it runs.

Sidekiq finishes or pushes back its jobs after TERM (lib/sidekiq/manager.rb: `stop`), for which it takes its timeout and some
seconds. Nothing here ever sends KILL, and systemd is not asked to stop the unit, as it would.
"""

from __future__ import annotations

import os
import signal
import time
import typing as t
from dataclasses import dataclass

from ..._sidekiq.errors import BadOption, SidekiqError
from ..installation.kernel import is_gone, read_process

_PAUSE: t.Final = 0.5


@dataclass(frozen=True)
class Target:
    """A process by pid and start."""

    pid: int
    ticks: int


@dataclass(frozen=True)
class Stopped:
    """`busy`: how many jobs the title named when it was told to be quiet; `left`: when it was told to stop. None: no title."""

    target: Target
    busy: int | None
    left: int | None
    gone: bool


def check(targets: t.Iterable[Target]) -> list[Target]:
    """Those that still run. Raises BadOption for a pid that belongs to something else than Sidekiq."""
    running = [target for target in targets if not is_gone(target.pid, target.ticks)]
    for target in running:
        if read_process(target.pid) is None:
            raise BadOption(f"The process {target.pid} does not run Sidekiq, so it gets no signal.")
    return running


def busy(target: Target) -> int | None:
    """How many jobs it runs, as its title said with the last heartbeat."""
    process = read_process(target.pid)
    return None if process is None or process.title is None else process.title.busy


def stop(targets: t.Sequence[Target], drain_timeout: float, stop_timeout: float) -> list[Stopped]:
    """Quiet them all, wait until they run nothing as far as their titles say, and tell them to end."""
    before = {target: busy(target) for target in targets}
    for target in targets:
        if before[target] is not None:  # Sidekiq handles its signals by then; TSTP suspends any other process
            _signal(target, signal.SIGTSTP)
    _wait(targets, _drained, drain_timeout)
    left = {target: busy(target) for target in targets}
    for target in targets:
        _signal(target, signal.SIGTERM)
    _wait(targets, _ended, stop_timeout)
    return [Stopped(target, before[target], left[target], _ended(target)) for target in targets]


def _drained(target: Target) -> bool:
    """The title says so once a heartbeat has passed since it became quiet. Without a title nothing is gained by waiting."""
    process = read_process(target.pid)
    title = None if process is None else process.title
    return _ended(target) or title is None or (title.stopping and title.busy == 0)


def _ended(target: Target) -> bool:
    return is_gone(target.pid, target.ticks)


def _wait(targets: t.Sequence[Target], done: t.Callable[[Target], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not all(done(target) for target in targets) and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def _signal(target: Target, number: signal.Signals) -> None:
    if _ended(target):
        return
    try:
        os.kill(target.pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise SidekiqError(
            f"The process {target.pid} belongs to another user, so it cannot be stopped. Run the task as root (become: true)."
        ) from None
