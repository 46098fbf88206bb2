# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Files that a build of an export left in the temporary directory because its process was killed, and their removal.

Ruby removes a Tempfile when its process ends in an orderly way. After kill -9 or the OOM killer the files stay for good:
`outbox.json20261128-4242-x1y2z3`, `archive-...zip20261128-4242-...`, media under their own names. The name holds the date,
the pid and a random part (`Dir::Tmpname.create` in Ruby's tmpdir.rb).
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import typing as t
from dataclasses import dataclass

_NAME: t.Final = re.compile(
    r".+(?:20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))-([1-9]\d{0,9})-[0-9a-z]{1,8}(?:-\d+)?(?:\.\w{1,10})?"
)
MIN_AGE: t.Final = 3600.0
"""Seconds. A younger file may belong to a process that nobody here can see yet."""
_CLOCK_TICKS: t.Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class BuildFile:
    """A file of a build whose process is gone. `changed`: epoch seconds."""

    name: str
    pid: int
    bytes: int
    changed: float
    identity: tuple[int, int, int]
    """Device, inode and time of the last change in ns, by which it is known again."""


@dataclass(frozen=True)
class Living:
    """What runs on this host. `started`: when a process with that pid started, epoch seconds; pids of all namespaces.

    `open`: device and inode of all open files; None if not all could be read, so that no file is known to be closed.
    """

    started: t.Mapping[int, float]
    open: frozenset[tuple[int, int]] | None


def read_living(owner: int, proc: str = "/proc") -> Living:
    """All processes of the host, those in containers too: their files and the pids that they have in their own namespaces.

    `owner`: the user whose files these are. Its processes must all be readable; one of another user only reads such a file.
    """
    booted = _booted(proc)
    started: dict[int, float] = {}
    files: set[tuple[int, int]] = set()
    complete = True
    for pid in (name for name in os.listdir(proc) if name.isdigit()):
        folder = f"{proc}/{pid}"
        try:
            with open(f"{folder}/stat", encoding="utf-8", errors="replace") as file:
                ticks = int(file.read().rpartition(")")[2].split()[19])
            for number in _pids(folder, int(pid)):
                moment = booted + ticks / _CLOCK_TICKS
                started[number] = min(moment, started.get(number, moment))
            files.update(_open_files(f"{folder}/fd"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        except (OSError, ValueError, IndexError):
            complete = complete and _uid(folder) not in (owner, None)
    return Living(started, frozenset(files) if complete else None)


def read_build_files(folder: str, owner: int, now: float, living: Living, min_age: float = MIN_AGE) -> list[BuildFile]:
    """What was left in a directory: regular files of this owner that nobody has open, whose process is gone, by name.

    A process that is older than the last change of the file may be the one that wrote it, so the file is kept.
    """
    if living.open is None:
        return []
    found = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        match = _NAME.fullmatch(entry.name)
        if match is None:
            continue
        try:
            seen = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        started = living.started.get(int(match[1]))
        if (
            stat.S_ISREG(seen.st_mode)
            and seen.st_uid == owner
            and seen.st_nlink == 1
            and now - seen.st_mtime >= min_age
            and (seen.st_dev, seen.st_ino) not in living.open
            and (started is None or started > seen.st_mtime)
        ):
            size = seen.st_blocks * 512
            found.append(BuildFile(entry.name, int(match[1]), size, seen.st_mtime, _identity(seen)))
    return found


def remove(folder: str, files: t.Iterable[BuildFile]) -> list[BuildFile]:
    """Remove those that are still what was seen; returns them.

    The directory belongs to Mastodon's user. So each file is renamed within the open directory, looked at, and only then
    unlinked, or given its name back: whoever exchanges it meanwhile loses nothing but the exchanged file's turn.
    """
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return [file for file in files if _remove(directory, file)]
    finally:
        os.close(directory)


def _remove(directory: int, file: BuildFile) -> bool:
    aside = f".fediverse-mastodon-{secrets.token_hex(12)}"
    try:
        if _identity(os.stat(file.name, dir_fd=directory, follow_symlinks=False)) != file.identity:
            return False
        os.rename(file.name, aside, src_dir_fd=directory, dst_dir_fd=directory)
    except FileNotFoundError:
        return False
    if _identity(os.stat(aside, dir_fd=directory, follow_symlinks=False)) != file.identity:
        os.rename(aside, file.name, src_dir_fd=directory, dst_dir_fd=directory)
        return False
    os.unlink(aside, dir_fd=directory)
    return True


def _identity(seen: os.stat_result) -> tuple[int, int, int]:
    return seen.st_dev, seen.st_ino, seen.st_mtime_ns


def _uid(folder: str) -> int | None:
    try:
        return os.stat(folder).st_uid
    except OSError:
        return None


def _pids(folder: str, pid: int) -> set[int]:
    """The pid of a process in each pid namespace in which it has one."""
    with open(f"{folder}/status", encoding="utf-8", errors="replace") as file:
        inside = [line.split()[1:] for line in file if line.startswith("NSpid:")]
    return {pid, *(int(number) for numbers in inside for number in numbers)}


def _open_files(folder: str) -> t.Iterator[tuple[int, int]]:
    for name in os.listdir(folder):
        try:
            seen = os.stat(f"{folder}/{name}")
        except FileNotFoundError:
            continue  # closed meanwhile
        if stat.S_ISREG(seen.st_mode):
            yield seen.st_dev, seen.st_ino


def _booted(proc: str) -> float:
    with open(f"{proc}/stat", encoding="utf-8") as file:
        return next(float(line.split()[1]) for line in file if line.startswith("btime "))
