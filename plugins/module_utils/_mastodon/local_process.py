# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A Sidekiq process that runs on this host: what the kernel and systemd know of it."""

from __future__ import annotations

import os
import pathlib
import socket
import typing as t
from dataclasses import dataclass

from .._sidekiq.process import Process

PROC: t.Final = pathlib.Path("/proc")
GONE: t.Final = -1
_LATE = 5.0  # seconds by which the clocks of the kernel and of Sidekiq may differ


@dataclass(frozen=True)
class Local:
    """C(ticks): when it started, by which it is told from a later process with the same pid."""

    pid: int
    ticks: int
    unit: str | None

    @property
    def gone(self) -> bool:
        """Whether it had ended when it was looked for."""
        return self.ticks == GONE


def find(process: Process, proc: pathlib.Path = PROC) -> Local | None:
    """The process behind a heartbeat, if it runs here: host, pid, name and start agree. None if it does not.

    One of this host that has ended is C(gone); only root can tell, as processes may be hidden from others.
    """
    if process.pid is None or process.hostname != socket.gethostname():
        return None
    ticks = _started(process.pid, proc)
    command = _read(proc / str(process.pid) / "cmdline")
    if ticks is None and os.geteuid() == 0:
        return Local(process.pid, GONE, None)
    if ticks is None or b"sidekiq" not in command:
        return None
    if process.started_at is not None:
        began = _booted(proc) + ticks / os.sysconf("SC_CLK_TCK")
        if began > process.started_at + _LATE:
            return None  # another one got its pid
    return Local(process.pid, ticks, _unit(_read(proc / str(process.pid) / "cgroup").decode(errors="replace")))


def is_gone(pid: int, ticks: int, proc: pathlib.Path = PROC) -> bool:
    """Whether it has ended, also if another process has its pid by now."""
    return _started(pid, proc) != ticks


def _started(pid: int, proc: pathlib.Path) -> int | None:
    """Clock ticks from the boot to its start; None if there is no such process or it is only a zombie."""
    fields = _read(proc / str(pid) / "stat").rpartition(b")")[2].split()
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    return int(fields[19])


def _booted(proc: pathlib.Path) -> float:
    for line in _read(proc / "stat").splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    return 0.0


def _unit(cgroups: str) -> str | None:
    """The service whose control group it is in (both versions of control groups)."""
    for line in cgroups.splitlines():
        services = [part for part in line.split(":", 2)[-1].split("/") if part.endswith(".service")]
        if services:
            return services[-1]
    return None


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
