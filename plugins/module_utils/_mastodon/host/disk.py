# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How much room there is below a directory, and on what kind of file system, also as a process in a sandbox sees it."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

_OCTAL = re.compile(r"\\([0-7]{3})")
IN_MEMORY: t.Final = ("tmpfs", "ramfs")


@dataclass(frozen=True)
class Mount:
    """A line of mountinfo (proc_pid_mountinfo(5)); the options of the mount and of its file system together."""

    point: str
    type: str
    source: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Disk:
    """Room at a path; sizes in bytes. `free`: what users other than root may still take. `inodes` are None where they do not run out.

    `there`: the nearest directory that exists. `device`: the same number is the same file system.
    """

    path: str
    there: str
    device: int
    total: int
    free: int
    inodes: int | None
    free_inodes: int | None
    read_only: bool
    mount: Mount | None = None

    @property
    def used_percent(self) -> float:
        """As df says it: of what users may take, how much is taken."""
        return _percent(self.total, self.free)

    @property
    def inodes_used_percent(self) -> float | None:
        return None if self.inodes is None or self.free_inodes is None else _percent(self.inodes, self.free_inodes)

    @property
    def in_memory(self) -> bool:
        return self.mount is not None and self.mount.type in IN_MEMORY


def _percent(total: int, free: int) -> float:
    return round(100 * (total - free) / total, 1) if total else 100.0


def look_at(path: str, pid: int | None = None) -> Disk | None:
    """The room at an absolute path, for a process if `pid` is one; None if it cannot be looked at."""
    root = f"/proc/{pid}/root" if pid else ""
    there = os.path.normpath(path)
    while not os.path.isdir(root + there) and there != "/":
        there = os.path.dirname(there)
    try:
        found = os.statvfs(root + there)
        device = os.stat(root + there).st_dev
    except OSError:
        return None
    reserved = found.f_bfree - found.f_bavail
    return Disk(
        path,
        there,
        device,
        (found.f_blocks - reserved) * found.f_frsize,
        found.f_bavail * found.f_frsize,
        found.f_files or None,
        found.f_favail if found.f_files else None,
        bool(found.f_flag & os.ST_RDONLY),
        mount_of(os.path.realpath(there) if not pid else there, read_mounts(pid)),
    )


def read_mounts(pid: int | None = None) -> list[Mount]:
    """The mounts that a process sees, or we."""
    try:
        with open(f"/proc/{pid or 'self'}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return parse_mounts(file.read())
    except OSError:
        return []


def parse_mounts(text: str) -> list[Mount]:
    """The lines of mountinfo, in their order."""
    mounts = []
    for line in text.splitlines():
        before, _dash, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) < 6 or len(kind) < 3:
            continue
        options = dict.fromkeys([*fields[5].split(","), *kind[2].split(",")])
        mounts.append(Mount(_plain(fields[4]), kind[0], _plain(kind[1]), tuple(options)))
    return mounts


def mount_of(path: str, mounts: t.Sequence[Mount]) -> Mount | None:
    """The mount that a path is on: the longest point above it, and of several on one point the last."""
    above = [mount for mount in mounts if path == mount.point or path.startswith(mount.point.rstrip("/") + "/")]
    return max(reversed(above), key=lambda mount: len(mount.point), default=None)


def _plain(field: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), field)
