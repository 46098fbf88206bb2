# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Writing an archive, so that it is on the disk before the first job leaves Redis."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import secrets
import socket
import typing as t
import zlib
from concurrent.futures import Future, ThreadPoolExecutor

from .. import file_lock
from ..errors import SidekiqError
from ..times import file_stamp, iso
from .format import FORMAT, MAX_LINE, VERSION, Entry, outcome_checksum, packed_entry, packed_line

_PAGE = 1 << 18


class Writer:
    """Writes an archive. Nothing may leave Redis before `seal` has returned. The file is locked until the edit has ended.

    A thread packs and writes while the caller decides about the next jobs; both wait for a full disk to be reported.
    """

    def __init__(self, directory: str, state: str, server: str, key_prefix: str, now: float, **about: str) -> None:
        """`about`: what the header says besides, see `Header`."""
        self.id = secrets.token_hex(8)
        self.path = os.path.join(directory, f"{file_stamp(now)}-{state}-{self.id}.jsonl.gz")
        self.entries = 0
        self._directory = directory
        self._lines: list[str] = []
        self._size = 0
        self._checksum = hashlib.blake2b(digest_size=16)
        self._sealed = ""
        self._file: io.BufferedWriter | None = None
        self._packer: t.Any = None
        self._thread: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None
        self._header = {
            "format": FORMAT,
            "version": VERSION,
            "id": self.id,
            "state": state,
            "created_at": iso(now),
            "server": server,
            "key_prefix": key_prefix,
            "host": socket.gethostname(),
            **{name: value for name, value in about.items() if value},
        }

    def add(self, entry: Entry) -> None:
        """Append a job. The file comes into being with the first one."""
        if self._file is None:
            self._create()
        packed = packed_entry(entry)
        if len(packed) > MAX_LINE // 4 and len(packed.encode("utf-8")) > MAX_LINE:
            raise SidekiqError(
                f"A job in {entry.place} is too large for an archive that can be restored ({len(entry.raw):,} bytes)."
                " Nothing was touched. Leave the job out of the selection."
            )
        self._lines.append(packed)
        self._size += len(packed)
        self.entries += 1
        if self._size > _PAGE:
            self._flush()

    def seal(self) -> None:
        """Say that all jobs are in, and put it on the disk."""
        if self._file is not None:
            self._flush()
            self._wait()
            self._sealed = self._checksum.hexdigest()
            self._lines.append(packed_line({"sealed": self.entries, "checksum": self._sealed}))
            self._end_member()

    def outcome(self, taken: bytes) -> None:
        """Say which entries were taken out: bit `i`, from the most significant of the first byte on, is entry `i`."""
        checksum = outcome_checksum(self._sealed, taken)
        self._lines.append(packed_line({"taken": base64.b64encode(taken).decode(), "checksum": checksum}))
        self._end_member()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()
        if self._file is not None:
            with contextlib.suppress(OSError):  # what matters was synced, or was said not to be
                self._file.close()

    def discard(self) -> None:
        """Remove an archive of which nothing was taken out."""
        self.close()
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def _create(self) -> None:
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as problem:
            raise self._failed(problem) from None
        file_lock.hold(descriptor)
        self._file = os.fdopen(descriptor, "wb")
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._lines.append(packed_line(self._header))

    def _flush(self) -> None:
        """Hand the lines over to the thread, once it has done with those before."""
        lines, self._lines, self._size = self._lines, [], 0
        self._wait()
        if self._thread is not None:
            self._last = self._thread.submit(self._write, lines)

    def _write(self, lines: list[str]) -> None:
        if self._file is not None:
            if self._packer is None:
                self._packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            text = "".join(lines).encode("utf-8")
            self._checksum.update(text)
            self._file.write(self._packer.compress(text))

    def _end_member(self) -> None:
        self._flush()
        self._wait()
        try:
            if self._file is not None:
                self._file.write(self._packer.flush())
                self._packer = None
                self._file.flush()
                os.fsync(self._file.fileno())
                sync_directory(self._directory)
        except OSError as problem:
            raise self._failed(problem) from None

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            try:
                last.result()
            except OSError as problem:
                raise self._failed(problem) from None

    def _failed(self, problem: OSError) -> SidekiqError:
        return SidekiqError(f"The archive {self.path} cannot be written: {problem.strerror}.", "archive_directory")


def sync_directory(directory: str) -> None:
    """Put on the disk which files a directory has. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
