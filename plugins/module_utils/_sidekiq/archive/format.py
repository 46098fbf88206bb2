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
import hashlib
import json
import typing as t
from dataclasses import dataclass

from ..errors import BadOption
from ..keys import SETS

FORMAT: t.Final = "fediverse.mastodon archive"
VERSION: t.Final = 1
MOST: t.Final = 2**53
"""For whole numbers: what Lua still counts exactly."""
MAX_JOB: t.Final = 48 * 1024**2
"""Bytes of a job that an archive takes: so restoring needs no more than some hundred MB."""
MAX_LINE: t.Final = 200 * 1024**2
"""Bytes of a line that is read: a job and what it becomes, each at most twice as long as text."""


class Entry(t.NamedTuple):
    """A job as it was. `position` is its place in its queue (0 runs next), `score` that in a set.

    `to` and `new`: where it went and the bytes it has there; empty if it was taken out for good.
    `lock`: the unique lock that it owned (`digest`, `jid`, `ttl_ms`); empty if it owned none.
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
    """What an archive is about. `process`: the one in which its jobs ran, empty if they did not run.

    `run` and `run_step`: the run of a runbook that made the edit, and what the run calls the edit; empty without a runbook.
    """

    id: str
    state: str
    created_at: str
    server: str
    key_prefix: str
    host: str
    process: str = ""
    run: str = ""
    run_step: str = ""


def outcome_checksum(sealed: str, taken: bytes) -> str:
    """Of an outcome, and of all that was sealed before (by the checksum in the seal)."""
    return hashlib.blake2b(sealed.encode() + taken, digest_size=16).hexdigest()


def packed_line(value: t.Mapping[str, t.Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def damaged(path: str, number: int, why: str) -> BadOption:
    return BadOption(f"The archive {path} is damaged at line {number}: {why}. Nothing was restored.")


_quoted = json.JSONEncoder(ensure_ascii=False).encode


def packed_entry(entry: Entry) -> str:
    place, raw, score, position, to, new, new_score, lock = entry
    packed = f'{{"place":{_quoted(place)},"position":{position},{_bytes("raw", raw)}'
    if score is not None:
        packed += f',"score":{_quoted(score)}'
    if to:
        packed += f',"to":{_quoted(to)}'
        if new != raw:
            packed += f",{_bytes('new', new)}"
    if new_score is not None:
        packed += f',"new_score":{_quoted(new_score)}'
    if lock:
        packed += f',"lock":{_quoted(dict(lock))}'
    return packed + "}\n"


def _bytes(name: str, raw: bytes) -> str:
    with contextlib.suppress(UnicodeDecodeError):
        quoted = _quoted(raw.decode("utf-8"))
        if len(quoted) <= 2 * len(raw) + 16:  # control characters take six times their room
            return f'"{name}":{quoted}'
    name = "b64" if name == "raw" else f"{name}_b64"
    return f'"{name}":"{base64.b64encode(raw).decode()}"'


class _Wrong(Exception):
    """A sentence about a value of an entry that cannot be restored; it names the key."""


def unpacked_entry(fields: t.Mapping[str, t.Any], path: str, number: int) -> Entry:
    """The entry of a line. Raises BadOption, with the line and the key, for whatever Redis or a step could not take."""
    try:
        return _unpacked(fields)
    except _Wrong as wrong:
        raise damaged(path, number, str(wrong)) from None


def _unpacked(fields: t.Mapping[str, t.Any]) -> Entry:
    place = _place(fields, "place")
    to = _place(fields, "to") if fields.get("to", "") != "" else ""
    raw = _member(fields, "raw", "b64")
    new = _member(fields, "new", "new_b64") if "new" in fields or "new_b64" in fields else raw
    return Entry(
        place,
        raw,
        None if place.startswith("queue:") else _score(fields, "score"),
        _whole(fields, "position"),
        to,
        new,
        None if to == "" or to.startswith("queue:") else _score(fields, "new_score"),
        _lock(fields["lock"]) if fields.get("lock", {}) != {} else {},
    )


def _lock(fields: t.Any) -> dict[str, t.Any]:
    if not isinstance(fields, dict):
        raise _Wrong("lock is no object")
    return {"digest": _text(fields, "digest"), "jid": _text(fields, "jid"), "ttl_ms": _whole(fields, "ttl_ms")}


def _place(fields: t.Mapping[str, t.Any], name: str) -> str:
    value = _text(fields, name)
    if not value.startswith("queue:") and value not in SETS:
        raise _Wrong(f"{name} is neither queue: with the name of a queue nor one of {', '.join(SETS)}")
    return value


def _text(fields: t.Mapping[str, t.Any], name: str) -> str:
    value = fields.get(name)
    if not is_text(value):
        raise _Wrong(f"{name} is not there, or is no text")
    return t.cast(str, value)


def _whole(fields: t.Mapping[str, t.Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise _Wrong(f"{name} is no whole number from 0 to {MOST}")
    return value


def _score(fields: t.Mapping[str, t.Any], name: str) -> float:
    """Whatever Redis takes as a score: also negative and infinite ones."""
    value = fields.get(name)
    with contextlib.suppress(OverflowError):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and float(value) == float(value):
            return float(value)
    raise _Wrong(f"{name} is no number that Redis takes as a score")


def _member(fields: t.Mapping[str, t.Any], name: str, coded: str) -> bytes:
    """The stored bytes of a job, from text or from base64."""
    value = fields.get(coded if coded in fields else name)
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True) if coded in fields else value.encode("utf-8")
    except ValueError:  # also of half a surrogate
        pass
    raise _Wrong(f"{coded if coded in fields else name} is not there, or does not say the bytes of a job")


def is_text(value: t.Any) -> bool:
    """Whether that is a text that has bytes: half a surrogate has none."""
    try:
        return isinstance(value, str) and value.encode("utf-8") is not None
    except UnicodeEncodeError:
        return False
