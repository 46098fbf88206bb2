# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A second process that takes over pages of work, where there is a second processor: decoding jobs is what takes the time."""

from __future__ import annotations

import contextlib
import marshal
import os
import pickle
import select
import struct
import typing as t

from ..errors import SidekiqError

_SIZE: t.Final = struct.Struct("<Q")
_AHEAD: t.Final = 2  # pages that it is given before it has done with the first
_SET_PIPE_SIZE: t.Final = 1031  # fcntl.F_SETPIPE_SZ, which Python knows from 3.10 on
_PIPE: t.Final = 1 << 20


class SecondProcess:
    """Does `work` with each page that it is given (what marshal can write); in the end it returns `result()`, by pickle.

    It is a fork: it knows all that was there when it began, and what it learns stays with it.
    """

    def __init__(self, work: t.Callable[[t.Any], None], result: t.Callable[[], t.Any]) -> None:
        pages, self._pages = os.pipe()
        self._answers, answers = os.pipe()
        self._open = 0
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._pages)
            os.close(self._answers)
            _serve(pages, answers, work, result)
        os.close(pages)
        os.close(answers)
        _widen(self._pages)

    @property
    def is_free(self) -> bool:
        """Whether another page would not have to wait for long."""
        while self._open and select.select([self._answers], [], [], 0)[0]:
            self._receive(1)
            self._open -= 1
        return self._open < _AHEAD

    def give(self, page: t.Any) -> None:
        """Hand over a page."""
        packed = marshal.dumps(page)
        self._send(_SIZE.pack(len(packed)) + packed)
        self._open += 1

    def result(self) -> t.Any:
        """End it; what it returns."""
        self._send(_SIZE.pack(0))
        self._receive(self._open)
        [size] = _SIZE.unpack(self._receive(_SIZE.size))
        found, value = pickle.loads(self._receive(size))
        if not found:
            raise value
        return value

    def close(self) -> None:
        """Let it end, however far it is: it does when nobody gives it pages any more."""
        for descriptor in (self._pages, self._answers):
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _send(self, content: bytes) -> None:
        try:
            _write(self._pages, content)
        except BrokenPipeError:
            raise _died() from None

    def _receive(self, size: int) -> bytes:
        received = _read(self._answers, size)
        if len(received) < size:
            raise _died()
        return received


def _died() -> SidekiqError:
    return SidekiqError(
        "The second process that counts was ended from outside, perhaps for want of memory. Run the task again."
    )


def _serve(pages: int, answers: int, work: t.Callable[[t.Any], None], result: t.Callable[[], t.Any]) -> t.NoReturn:
    try:
        problem: Exception | None = None
        while True:
            header = _read(pages, _SIZE.size)
            if len(header) < _SIZE.size:
                os._exit(1)
            [size] = _SIZE.unpack(header)
            if not size:
                break
            page = _read(pages, size)
            try:
                if problem is None:
                    work(marshal.loads(page))
            except Exception as found:
                problem = found
            _write(answers, b".")
        packed = pickle.dumps((True, result()) if problem is None else (False, problem))
        _write(answers, _SIZE.pack(len(packed)) + packed)
        os._exit(0)
    finally:
        os._exit(1)  # whatever happens: it must not go on as the one that it was forked from


def _read(descriptor: int, size: int) -> bytes:
    """So many bytes; fewer at the end."""
    parts, left = [], size
    while left:
        part = os.read(descriptor, left)
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _widen(descriptor: int) -> None:
    """So that a page fits into the pipe; only Linux can, and without it a page takes a little longer."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, _SET_PIPE_SIZE, _PIPE)
