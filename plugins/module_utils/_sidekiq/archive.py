# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The archive: a file that holds every job which an edit is about to take out.

A gzip of JSON lines, mode 0600. First a header; then an entry for each job; then the seal, written and synced before
the first job leaves Redis; at last, when the edit has ended, the outcome: which entries were really taken out.
Without an outcome (we were killed) Redis itself knows: each step of an edit marks what it takes in a bitmap, in the same
atomic step. So what an archive holds can be put back exactly once, whenever we died.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import secrets
import socket
import typing as t
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from .errors import BadOption, SidekiqError
from .keys import SETS
from .times import iso

FORMAT: t.Final = "fediverse.mastodon archive"
VERSION: t.Final = 1
_PAGE = 1 << 18


class Entry(t.NamedTuple):
    """A job as it was. C(position) is its place in its queue (0 runs next), C(score) that in a set.

    C(to) and C(new): where it went and the bytes it has there; empty if it was taken out for good.
    C(lock): the unique lock that it owned (C(digest), C(jid), C(ttl_ms)); empty if it owned none.
    """

    place: str
    raw: bytes
    score: float | None = None
    position: int = 0
    to: str = ""
    new: bytes = b""
    new_score: float | None = None
    lock: t.Mapping[str, t.Any] = {}


@dataclass(frozen=True)
class Header:
    """What an archive is about. C(process): the one in which its jobs ran, empty if they did not run."""

    id: str
    state: str
    created_at: str
    server: str
    key_prefix: str
    host: str
    process: str = ""


class Writer:
    """Writes an archive. Nothing may leave Redis before C(seal) has returned.

    A thread packs and writes while the caller decides about the next jobs; both wait for a full disk to be reported.
    """

    def __init__(self, directory: str, state: str, server: str, key_prefix: str, now: float, process: str = "") -> None:
        stamp = (iso(now) or "").replace(":", "").replace("-", "")
        self.id = secrets.token_hex(8)
        self.path = os.path.join(directory, f"{stamp}-{state}-{self.id}.jsonl.gz")
        self.entries = 0
        self._directory = directory
        self._lines: list[str] = []
        self._size = 0
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
            **({"process": process} if process else {}),
        }

    def add(self, entry: Entry) -> None:
        """Append a job. The file comes into being with the first one."""
        if self._file is None:
            self._create()
        line = _packed_entry(entry)
        self._lines.append(line)
        self._size += len(line)
        self.entries += 1
        if self._size > _PAGE:
            self._flush()

    def seal(self) -> None:
        """Say that all jobs are in, and put it on the disk."""
        if self._file is not None:
            self._lines.append(_line({"sealed": self.entries}))
            self._end_member()

    def outcome(self, taken: bytes) -> None:
        """Say which entries were taken out: bit C(i), from the most significant of the first byte on, is entry C(i)."""
        self._lines.append(_line({"taken": base64.b64encode(taken).decode()}))
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
        self._file = os.fdopen(descriptor, "wb")
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._lines.append(_line(self._header))

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
            self._file.write(self._packer.compress("".join(lines).encode("utf-8")))

    def _end_member(self) -> None:
        self._flush()
        self._wait()
        try:
            if self._file is not None:
                self._file.write(self._packer.flush())
                self._packer = None
                self._file.flush()
                os.fsync(self._file.fileno())
                _sync_directory(self._directory)
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
        return SidekiqError(
            f"The archive {self.path} cannot be written: {problem.strerror}. Set archive_dir to a directory with space"
            " for the jobs that are to be taken out."
        )


class Archive:
    """An archive that was read and found whole.

    C(taken): the outcome, None if there is none; C(cut_off): its outcome was there once, wholly or in part.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.header, self.count, self.taken, self.cut_off = _check(path)

    def entries(self) -> t.Iterator[tuple[int, Entry]]:
        """The jobs with their numbers, in the order in which they were read."""
        with contextlib.closing(_Lines(self.path)) as lines:
            for number, line in enumerate(lines.member(), start=-1):
                if 0 <= number < self.count:
                    yield number, _unpacked_entry(json.loads(line), self.path, number + 2)


def has_bit(bits: bytes, index: int) -> bool:
    """Bit C(index) of a Redis bitmap."""
    return index >> 3 < len(bits) and bool(bits[index >> 3] & (0x80 >> (index & 7)))


def _check(path: str) -> tuple[Header, int, bytes | None, bool]:
    with contextlib.closing(_Lines(path)) as lines:
        return _checked(lines, path)


def _checked(lines: _Lines, path: str) -> tuple[Header, int, bytes | None, bool]:
    header: Header | None = None
    count, sealed = 0, False
    try:
        for line in lines.member():
            found = _parsed(line, path, lines.number)
            if sealed:
                raise _damaged(path, lines.number, "there is more after the seal")
            if header is None:
                header = _header(found, path)
            elif "sealed" in found:
                sealed = True
                if found["sealed"] != count:
                    raise _damaged(path, lines.number, f"the seal is for {found['sealed']} jobs, there are {count}")
            else:
                _unpacked_entry(found, path, lines.number)
                count += 1
    except _CutOff:
        raise _damaged(path, lines.number + 1, "it is cut off") from None
    if header is None:
        raise _damaged(path, 1, "it is empty")
    if not sealed:
        raise _damaged(path, lines.number + 1, "it ends without a seal")
    try:
        outcomes = list(lines.member())
    except _CutOff:  # what Redis knows as well
        return header, count, None, lines.more
    if len(outcomes) != 1 or lines.more:
        raise _damaged(path, lines.number, "there is more after the outcome")
    return header, count, _outcome(_parsed(outcomes[0], path, lines.number), path, lines.number), False


def _outcome(found: t.Mapping[str, t.Any], path: str, number: int) -> bytes:
    try:
        return base64.b64decode(found["taken"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, number, "it says no outcome after the seal") from None


class _CutOff(Exception):
    """The file ends before the member of gzip does."""


class _Lines:
    """The lines of a file, one member of gzip after the other. C(number): of the last line, from 1."""

    def __init__(self, path: str) -> None:
        self.number = 0
        self._path = path
        self._rest = b""
        try:
            self._file = open(path, "rb")  # noqa: SIM115
        except OSError as problem:
            raise _unreadable(path, problem) from None

    def close(self) -> None:
        self._file.close()

    @property
    def more(self) -> bool:
        """Whether anything follows the members that were read."""
        return bool(self._rest) or bool(self._file.peek(1))

    def member(self) -> t.Iterator[bytes]:
        """The lines of the next member. Raises _CutOff at the end of the file, BadOption for what is no gzip."""
        packer: t.Any = zlib.decompressobj(31)
        open_ = b""
        packed = self._rest or self._read()
        while not packer.eof:
            if not packed:
                raise _CutOff
            try:
                found = packer.decompress(packed, _PAGE)
            except zlib.error:
                raise _damaged(self._path, self.number + 1, "it is no gzip file, or its checksum is wrong") from None
            *lines, open_ = (open_ + found).split(b"\n")
            for line in lines:
                self.number += 1
                yield line
            self._rest = packed
            packed = packer.unconsumed_tail or (b"" if packer.eof else self._read())
        self._rest = packer.unused_data
        if open_:
            raise _damaged(self._path, self.number + 1, "its last line does not end")

    def _read(self) -> bytes:
        try:
            return self._file.read(_PAGE)
        except OSError as problem:
            raise _unreadable(self._path, problem) from None


def _unreadable(path: str, problem: OSError) -> BadOption:
    return BadOption(
        f"The archive {path} cannot be read: {problem.strerror}. Check path, on the host that runs the task."
    )


def _parsed(line: bytes, path: str, number: int) -> dict[str, t.Any]:
    try:
        found = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise _damaged(path, number, "it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise _damaged(path, number, "it is no JSON") from None
    if not isinstance(found, dict):
        raise _damaged(path, number, "it is no object")
    return found


def _header(found: t.Mapping[str, t.Any], path: str) -> Header:
    if found.get("format") != FORMAT:
        raise BadOption(f"{path} is no archive of this collection (line 1 says no format {FORMAT!r}).")
    if found.get("version") != VERSION:
        raise BadOption(
            f"{path} is an archive of version {found.get('version')}; this release reads version {VERSION}."
        )
    names = ("id", "state", "created_at", "server", "key_prefix", "host")
    if not all(isinstance(found.get(name), str) for name in names) or not found["id"]:
        raise _damaged(path, 1, "the header does not say what the archive is about")
    process = found.get("process", "")
    if not isinstance(process, str):
        raise _damaged(path, 1, "the header does not say which process it is about")
    return Header(**{name: found[name] for name in names}, process=process)


def _damaged(path: str, number: int, why: str) -> BadOption:
    return BadOption(f"The archive {path} is damaged at line {number}: {why}. Nothing was restored.")


_quoted = json.JSONEncoder(ensure_ascii=False).encode


def _packed_entry(entry: Entry) -> str:
    place, raw, score, position, to, new, new_score, lock = entry
    line = f'{{"place":{_quoted(place)},"position":{position},{_bytes("raw", raw)}'
    if score is not None:
        line += f',"score":{_quoted(score)}'
    if to:
        line += f',"to":{_quoted(to)}'
        if new != raw:
            line += f",{_bytes('new', new)}"
    if new_score is not None:
        line += f',"new_score":{_quoted(new_score)}'
    if lock:
        line += f',"lock":{_quoted(dict(lock))}'
    return line + "}\n"


def _bytes(name: str, raw: bytes) -> str:
    try:
        return f'"{name}":{_quoted(raw.decode("utf-8"))}'
    except UnicodeDecodeError:
        name = "b64" if name == "raw" else f"{name}_b64"
        return f'"{name}":"{base64.b64encode(raw).decode()}"'


def _unpacked_entry(found: t.Mapping[str, t.Any], path: str, number: int) -> Entry:
    try:
        raw = _unpacked_bytes(found, "raw", "b64")
        new = _unpacked_bytes(found, "new", "new_b64") if "new" in found or "new_b64" in found else raw
        place, to, lock = found["place"], found.get("to", ""), found.get("lock", {})
        if not _is_place(place) or not (to == "" or _is_place(to)):
            raise ValueError
        if lock and not (isinstance(lock["digest"], str) and isinstance(lock["jid"], str)):
            raise ValueError
        score = None if place.startswith("queue:") else float(found["score"])
        new_score = None if to == "" or to.startswith("queue:") else float(found["new_score"])
        return Entry(
            place,
            raw,
            score,
            int(found["position"]),
            to,
            new,
            new_score,
            {**lock, "ttl_ms": int(lock["ttl_ms"])} if lock else {},
        )
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, number, "a job lacks its place or its bytes") from None


def _is_place(name: t.Any) -> bool:
    return isinstance(name, str) and (name.startswith("queue:") or name in SETS)


def _unpacked_bytes(found: t.Mapping[str, t.Any], name: str, coded: str) -> bytes:
    return base64.b64decode(found[coded], validate=True) if coded in found else found[name].encode("utf-8")


def _line(value: t.Mapping[str, t.Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
