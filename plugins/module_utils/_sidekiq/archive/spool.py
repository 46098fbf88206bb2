# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The entries of an edit between its plan and its steps: in memory while they are few, else in a file that has no name."""

from __future__ import annotations

import contextlib
import marshal
import struct
import tempfile
import typing as t

from ..errors import SidekiqError
from .format import Entry

_IN_MEMORY: t.Final = 16 * 1024**2
_SIZE: t.Final = struct.Struct("<Q")


class Spool:
    """Entries in the order in which they were added. `directory`: that of the archive, so that no job is written elsewhere."""

    def __init__(self, directory: str) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=directory)  # noqa: SIM115
        self._directory = directory

    def add(self, numbers: t.Iterable[int], entries: t.Iterable[Entry]) -> None:
        """Entries with their numbers in the archive. Raises SidekiqError if they cannot be written."""
        page = marshal.dumps((list(numbers), list(map(tuple, entries))))
        try:
            self._file.write(_SIZE.pack(len(page)) + page)
            self._file.flush()
        except OSError as problem:
            raise SidekiqError(
                f"There is no room in {self._directory} for the jobs that are to be moved ({problem.strerror}).",
                "archive_directory",
            ) from None

    def entries(self) -> t.Iterator[tuple[int, Entry]]:
        """All of them with their numbers."""
        self._file.seek(0)
        while True:
            size = self._file.read(_SIZE.size)
            if not size:
                return
            numbers, entries = marshal.loads(self._file.read(*_SIZE.unpack(size)))
            yield from zip(numbers, map(Entry._make, entries))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
