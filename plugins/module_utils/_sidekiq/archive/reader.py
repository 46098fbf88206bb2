# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Reading an archive, and finding out whether it is whole."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import typing as t
import zlib

from ..errors import BadOption, SidekiqError
from ..regular_file import open_regular
from .format import FORMAT, MAX_LINE, VERSION, Entry, Header, damaged, is_text, outcome_checksum, unpacked_entry

_PAGE = 1 << 18
_ID = re.compile(r"[0-9a-f]{16}")


class Archive:
    """An archive that was read and found whole.

    `taken`: the outcome, None if there is none; `cut_off`: its outcome was there once, wholly or in part.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.header, self.count, self.taken, self.cut_off = _check(path)

    def entries(self) -> t.Iterator[tuple[int, Entry]]:
        """The jobs with their numbers, in the order in which they were read."""
        with contextlib.closing(_Lines(self.path)) as lines:
            try:
                for number, line in enumerate(lines.member(), start=-1):
                    if 0 <= number < self.count:
                        yield number, unpacked_entry(_parsed(line, self.path, lines.number), self.path, lines.number)
            except _CutOff:
                raise SidekiqError(
                    f"The archive {self.path} was cut off while it was read. Run the task again."
                ) from None


def read_header(path: str) -> Header:
    """What an archive is about, whether it is whole or not. Raises BadOption if it does not say so."""
    with contextlib.closing(_Lines(path)) as lines:
        try:
            for line in lines.member():
                return _header(_parsed(line, path, lines.number), path)
        except _CutOff:
            pass
    raise damaged(path, 1, "it is empty or cut off")


def _check(path: str) -> tuple[Header, int, bytes | None, bool]:
    with contextlib.closing(_Lines(path)) as lines:
        return _checked(lines, path)


def _checked(lines: _Lines, path: str) -> tuple[Header, int, bytes | None, bool]:
    header: Header | None = None
    count, sealed, checksum = 0, "", hashlib.blake2b(digest_size=16)
    try:
        for line in lines.member():
            fields = _parsed(line, path, lines.number)
            if sealed:
                raise damaged(path, lines.number, "there is more after the seal")
            if header is None:
                header = _header(fields, path)
            elif "sealed" in fields:
                sealed = _seal(fields, count, checksum.hexdigest(), path, lines.number)
            else:
                unpacked_entry(fields, path, lines.number)
                count += 1
            checksum.update(line)
            checksum.update(b"\n")
    except _CutOff:
        raise damaged(path, lines.number + 1, "it is cut off") from None
    if header is None:
        raise damaged(path, 1, "it is empty")
    if not sealed:
        raise damaged(path, lines.number + 1, "it ends without a seal")
    try:
        outcomes = list(lines.member())
    except _CutOff:  # what Redis knows as well
        return header, count, None, lines.more
    if len(outcomes) != 1 or lines.more:
        raise damaged(path, lines.number, "there is more after the outcome")
    return header, count, _outcome(_parsed(outcomes[0], path, lines.number), sealed, path, lines.number), False


def _seal(fields: t.Mapping[str, t.Any], count: int, checksum: str, path: str, number: int) -> str:
    """The checksum of all lines before the seal, which it must say."""
    if isinstance(fields["sealed"], bool) or not isinstance(fields["sealed"], int) or fields["sealed"] != count:
        raise damaged(path, number, f"the seal is for another number of jobs than the {count} that are there")
    if fields.get("checksum") != checksum:
        raise damaged(path, number, "the checksum in the seal is not that of the lines before")
    return checksum


def _header(fields: t.Mapping[str, t.Any], path: str) -> Header:
    if fields.get("format") != FORMAT:
        raise BadOption(f"{path} is no archive of this collection (line 1 says no format {FORMAT!r}).")
    if fields.get("version") != VERSION:
        raise BadOption(
            f"{path} is an archive of version {fields.get('version')}; this release reads version {VERSION}."
        )
    if not isinstance(fields.get("id"), str) or not _ID.fullmatch(fields["id"]):
        raise damaged(path, 1, "the header has no id of 16 hexadecimal digits")
    names = ("id", "state", "created_at", "server", "key_prefix", "host")
    if not all(is_text(fields.get(name)) for name in names):
        raise damaged(path, 1, "the header does not say what the archive is about")
    more = {name: fields.get(name, "") for name in ("process", "run", "run_step")}
    if not all(map(is_text, more.values())):
        raise damaged(path, 1, "the header does not say which process or run it is about")
    return Header(**{name: fields[name] for name in names}, **more)


def _outcome(fields: t.Mapping[str, t.Any], sealed: str, path: str, number: int) -> bytes:
    try:
        taken = base64.b64decode(fields["taken"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise damaged(path, number, "taken is not there, or says no outcome") from None
    if fields.get("checksum") != outcome_checksum(sealed, taken):
        raise damaged(path, number, "the checksum is not that of the outcome")
    return taken


def _parsed(line: bytes, path: str, number: int) -> dict[str, t.Any]:
    try:
        fields = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise damaged(path, number, "it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise damaged(path, number, "it is no JSON") from None
    if not isinstance(fields, dict):
        raise damaged(path, number, "it is no object")
    return fields


class _CutOff(Exception):
    """The file ends before the member of gzip does."""


class _Lines:
    """The lines of a file, one member of gzip after the other. `number`: of the last line, from 1."""

    def __init__(self, path: str) -> None:
        self.number = 0
        self._path = path
        self._rest = b""
        try:
            self._file = open_regular(path)
        except OSError as problem:
            raise _unreadable(path, problem) from None

    def close(self) -> None:
        self._file.close()

    @property
    def more(self) -> bool:
        """Whether anything follows the members that were read."""
        if not self._rest:
            self._rest = self._read()
        return bool(self._rest)

    def member(self) -> t.Iterator[bytes]:
        """The lines of the next member. Raises _CutOff at the end of the file, BadOption for what is no gzip."""
        packer: t.Any = zlib.decompressobj(31)
        open_, size = [b""], 0
        packed = self._rest or self._read()
        while not packer.eof:
            if not packed:
                raise _CutOff
            try:
                unpacked = packer.decompress(packed, _PAGE)
            except zlib.error:
                raise damaged(self._path, self.number + 1, "it is no gzip file, or its checksum is wrong") from None
            first, *rest = unpacked.split(b"\n")
            open_.append(first)
            size += len(first)
            if size > MAX_LINE:
                raise damaged(self._path, self.number + 1, f"the line is longer than {MAX_LINE:,} bytes")
            for piece in rest:
                line, open_, size = b"".join(open_), [piece], len(piece)
                self.number += 1
                yield line
            self._rest = packed
            packed = packer.unconsumed_tail or (b"" if packer.eof else self._read())
        self._rest = packer.unused_data
        if size:
            raise damaged(self._path, self.number + 1, "its last line does not end")

    def _read(self) -> bytes:
        try:
            return self._file.read(_PAGE)
        except OSError as problem:
            raise _unreadable(self._path, problem) from None


def _unreadable(path: str, problem: OSError) -> BadOption:
    return BadOption(f"The archive {path} cannot be read: {problem.strerror}.", "archive_path")
