# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control group of its own for each host; without it all hosts of a machine share one and kill each other's services.

Three kinds of machine are met: one that systemd runs (it makes the group, as a scope), one with control groups of
version 2 alone, and one with both versions (a container host without systemd). On the last one memory is counted in
version 1, so that a host that must limit memory is booted with that version.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_V1_FOR_MEMORY = ("memory", "pids")


def systemd_runs() -> bool:
    return Path("/run/systemd/system").is_dir()


def both_versions() -> bool:
    return (_ROOT / "unified").is_dir()


def old_memory(memory: bool) -> bool:
    """Whether a host that must limit memory has to be booted with version 1."""
    return memory and both_versions() and not systemd_runs()


def directories(name: str, memory: bool) -> list[Path]:
    """Those of a host; none where systemd makes them."""
    if systemd_runs():
        return []
    if not both_versions():
        return [_ROOT / name]
    old = [_ROOT / kind / _mine(kind) / name for kind in _V1_FOR_MEMORY] if memory else []
    return [_ROOT / "unified" / name, _ROOT / "systemd" / name, *old]


def enter(groups: list[Path]) -> None:
    """Move this process."""
    for group in groups:
        (group / "cgroup.procs").write_text(str(os.getpid()))


def make(groups: list[Path]) -> None:
    for group in groups:
        group.mkdir(exist_ok=True)


def kill(groups: list[Path], timeout: float = 10.0) -> None:
    """End all that is left in them."""
    for group in groups:
        with contextlib.suppress(FileNotFoundError, PermissionError):
            (group / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + timeout
    while any(_members(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.02)


def remove(groups: list[Path]) -> None:
    for group in groups:
        for directory in [*sorted(group.rglob("*/"), reverse=True), group]:
            if directory.is_dir():
                with contextlib.suppress(OSError):
                    directory.rmdir()


def _members(group: Path) -> bool:
    with contextlib.suppress(OSError):
        return any(file.read_text() for file in group.rglob("cgroup.procs"))
    return False


def _mine(kind: str) -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _number, kinds, path = line.split(":", 2)
        if kind in kinds.split(","):
            return path.lstrip("/")
    return ""
