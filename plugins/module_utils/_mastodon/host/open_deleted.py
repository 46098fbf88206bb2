# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Files that are deleted and still open: they take room that `du` does not see, until their process ends."""

from __future__ import annotations

import os
import stat
import typing as t
from dataclasses import dataclass

_GONE: t.Final = " (deleted)"


@dataclass(frozen=True)
class Holder:
    """A process, and how many such files it holds with how many bytes on the disk. `command` is its name without arguments."""

    pid: int
    command: str
    files: int
    bytes: int


def deleted_but_open(devices: t.Collection[int], proc: str = "/proc") -> list[Holder]:
    """Who holds deleted files on these file systems, the most first. A file that several hold counts for the first."""
    seen: set[tuple[int, int]] = set()
    holders = []
    for pid in sorted(int(name) for name in os.listdir(proc) if name.isdigit()):
        sizes = list(_sizes(f"{proc}/{pid}/fd", devices, seen))
        if sizes:
            holders.append(Holder(pid, _command(f"{proc}/{pid}/comm"), len(sizes), sum(sizes)))
    return sorted(holders, key=lambda holder: (-holder.bytes, holder.pid))


def _sizes(folder: str, devices: t.Collection[int], seen: set[tuple[int, int]]) -> t.Iterator[int]:
    try:
        names = os.listdir(folder)
    except OSError:  # it ended, or is not ours
        return
    for name in names:
        path = f"{folder}/{name}"
        try:
            if not os.readlink(path).endswith(_GONE):
                continue
            status = os.stat(path)
        except OSError:
            continue
        file = status.st_dev, status.st_ino
        if status.st_dev in devices and stat.S_ISREG(status.st_mode) and not status.st_nlink and file not in seen:
            seen.add(file)
            yield status.st_blocks * 512


def _command(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "?"
