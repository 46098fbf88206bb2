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
import json
import typing as t
from dataclasses import dataclass

from .errors import BadOption
from .keys import SETS

FORMAT: t.Final = "fediverse.mastodon archive"
VERSION: t.Final = 1


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


def has_bit(bits: bytes, index: int) -> bool:
    """Bit C(index) of a Redis bitmap."""
    return index >> 3 < len(bits) and bool(bits[index >> 3] & (0x80 >> (index & 7)))


def all_bits(count: int) -> bytes:
    """A bitmap in which the first C(count) bits are set."""
    full, rest = divmod(count, 8)
    return b"\xff" * full + (bytes([0xFF00 >> rest & 0xFF]) if rest else b"")


def count_bits(bits: bytes) -> int:
    """How many bits of a bitmap are set."""
    return sum(bin(byte).count("1") for byte in bits)


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
    try:
        return f'"{name}":{_quoted(raw.decode("utf-8"))}'
    except UnicodeDecodeError:
        name = "b64" if name == "raw" else f"{name}_b64"
        return f'"{name}":"{base64.b64encode(raw).decode()}"'


def unpacked_entry(found: t.Mapping[str, t.Any], path: str, number: int) -> Entry:
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
        raise damaged(path, number, "a job lacks its place or its bytes") from None


def _is_place(name: t.Any) -> bool:
    return isinstance(name, str) and (name.startswith("queue:") or name in SETS)


def _unpacked_bytes(found: t.Mapping[str, t.Any], name: str, coded: str) -> bytes:
    return base64.b64decode(found[coded], validate=True) if coded in found else found[name].encode("utf-8")
