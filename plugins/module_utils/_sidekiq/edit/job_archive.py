# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The one owner of the job archive of an edit: creates it, has the run record name it, seals it and removes it when it is empty."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..archive.format import Entry
from ..archive.writer import Writer
from ..keys import Keys
from .extract import TAKEN, announce


class RunRecord(t.Protocol):
    """The run record that names the archive, where an edit belongs to a run of a runbook."""

    @property
    def header(self) -> t.Mapping[str, str]:
        """What the header of the archive says of the run."""

    def name_archive(self, path: str) -> None:
        """Put the name of the archive into the record. Raises SidekiqError; then nothing may leave Redis."""

    def forget_archive(self, path: str) -> None:
        """Remove the name from the record. Raises SidekiqError."""


class JobArchive:
    """The archive of one edit; a context manager.

    No job may leave Redis before `seal` has returned. The order in which `seal` writes makes every interruption harmless:
    Redis learns of the archive first, so that a Redis that does not know it later has lost data since; then the file is
    complete and synced; then the run record names it. An archive that is not sealed at the end is removed.
    """

    def __init__(
        self,
        client: t.Any,
        key: Keys,
        directory: str,
        server: str,
        state: str,
        now: float,
        run: RunRecord | None = None,
        process: str = "",
    ) -> None:
        """`process`: the identity of the process in which the jobs ran, empty if they did not run."""
        self.directory = os.path.abspath(os.path.expanduser(directory))
        about = {"process": process, **(run.header if run else {})}
        self._writer = Writer(self.directory, state, server, key.prefix, now, **about)
        self._client = client
        self._bitmap = key(TAKEN, self._writer.id)
        self._run = run
        self._announced = self._named = self._sealed = False

    def __enter__(self) -> JobArchive:
        return self

    def __exit__(self, *_failure: object) -> None:
        if self._sealed:
            self.close()
        else:
            self.discard()

    @property
    def id(self) -> str:
        return self._writer.id

    @property
    def path(self) -> str:
        return self._writer.path

    @property
    def count(self) -> int:
        """How many jobs the archive holds."""
        return self._writer.entries

    def add(self, entries: t.Iterable[Entry]) -> range:
        """Append jobs; returns their numbers. The file comes into being with the first job."""
        first = self.count
        for entry in entries:
            self._writer.add(entry)
        return range(first, self.count)

    def seal(self) -> None:
        """Say that all jobs are in: to Redis, on the disk and in the run record. Without jobs there is no archive."""
        if self.count:
            self._announced = True  # perhaps, if this fails; the same below
            announce(self._client, self._bitmap)
            self._writer.seal()
            if self._run is not None:
                self._named = True
                self._run.name_archive(self.path)
            self._sealed = True

    def outcome(self, taken: bytes) -> None:
        """Write which jobs have left Redis, as a bitmap of their numbers."""
        self._writer.outcome(taken)

    def discard(self) -> None:
        """Remove an archive of which no job has left Redis.

        The run record forgets the archive first, and Redis last: a record must not name what cannot be restored.
        """
        self._writer.close()
        if self._named:
            t.cast(RunRecord, self._run).forget_archive(self.path)
            self._named = False
        self._writer.discard()
        self._sealed = False
        if self._announced:
            with contextlib.suppress(Exception):  # the bitmap expires, and a failure that is under way matters more
                self._client.delete(self._bitmap)
            self._announced = False

    def close(self) -> None:
        """End the work on the file, which others may restore from now on."""
        self._writer.close()
