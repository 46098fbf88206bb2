# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The files of archives where Mastodon keeps them, and which of them no row of `backups` needs.

Names and places: app/services/backup_service.rb (`archive-TIME-RANDOM`, zip since 4.2, tar.gz before) and Paperclip's
`id_partition`. Everything else is left alone.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t
from dataclasses import dataclass

FOLDER: t.Final = "backups/dumps"
_FILE = re.compile(r"backups/dumps/[0-9]{3}(?:/[0-9]{3}){2,5}/original/archive-[0-9]{14}-[0-9a-f]{32}\.(?:zip|tar\.gz)")
DAY: t.Final = 86400.0


@dataclass(frozen=True)
class ArchiveFile:
    """A file below the place where Mastodon keeps files. `changed`: epoch seconds."""

    path: str
    bytes: int
    changed: float


@dataclass(frozen=True)
class Kept:
    """What is there. `others`: files that are no archives by their name."""

    files: tuple[ArchiveFile, ...] = ()
    others: int = 0

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def read_files(root: str) -> Kept:
    """All archives below `root`. Links are not followed."""
    files, others = [], 0
    for folder, _folders, names in os.walk(os.path.join(root, FOLDER)):
        for name in names:
            path = os.path.join(folder, name)
            try:
                found = os.lstat(path)
            except OSError:
                continue
            short = os.path.relpath(path, root)
            if _FILE.fullmatch(short) and stat.S_ISREG(found.st_mode):
                files.append(ArchiveFile(short, found.st_size, found.st_mtime))
            else:
                others += 1
    return Kept(tuple(sorted(files, key=lambda file: file.path)), others)


def size_of(root: str, path: str) -> int | None:
    """The size of the file of an export; None if there is none. Raises OSError if the directory may not be read.

    `path` comes from the database: one that leads out of `root` names no export.
    """
    full = os.path.normpath(os.path.join(root, path))
    if not full.startswith(os.path.normpath(root) + os.sep):
        return None
    try:
        found = os.lstat(full)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def unneeded(
    files: t.Iterable[ArchiveFile], needed: t.Collection[str], now: float, keep_days: int
) -> list[ArchiveFile]:
    """Files that no row names and that nobody has written to for so many days."""
    return [file for file in files if file.path not in needed and now - file.changed >= keep_days * DAY]
