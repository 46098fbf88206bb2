# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members that nobody should have written: jobs with every field wrong, and bytes that are no job."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import _has_half

SECRET = "s3cret-post-of-somebody"
"""Stands in every argument and error message, and must not be returned."""

FIELDS = [
    "class",
    "wrapped",
    "display_class",
    "args",
    "jid",
    "queue",
    "created_at",
    "enqueued_at",
    "failed_at",
    "retried_at",
    "at",
    "retry",
    "retry_count",
    "error_class",
    "error_message",
    "error_backtrace",
    "tags",
    "bid",
    "encrypt",
    "lock_digest",
    "unique_digest",
]
PRIVATE = ("args", "error_message", "error_backtrace", "tags", "encrypt")
WRAPPER = "Sidekiq::ActiveJob::Wrapper"
CLASSES = (
    "BackupWorker",
    "ActivityPub::DeliveryWorker",
    "ActivityPub::ProcessingWorker",
    "ResolveAccountWorker",
    "LinkCrawlWorker",
    "FeedInsertWorker",
    WRAPPER,
    "ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper",
)
_SURROGATES = ("\ud800", "a\udfffb", "\udc80")
_NAMES = ("", "x", "\x00", "\n\t\x1b[31m", "a:b:c", "*", "[", "\N{SNOWMAN}", "\N{SUPERSCRIPT TWO}", "Ü" * 300)
_DEEP = 100_000


class Odd:
    """Makes odd values; the same seed makes the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def number(self) -> Any:
        """As JSON text, since some of them no JSON library writes."""
        return self.random.choice(
            [0, -1, 2**31, 2**63, -(2**63), 2**64, 10**300, 10**4299, -0.0, 1e308, -1e308, 5e-324, 1795331156428, 0.5]
        )

    def text(self) -> str:
        """Any text, also such as no UTF-8 can carry."""
        return self.random.choice([*_NAMES, *_SURROGATES, "9" * 5000, "1e999", "NaN", "true", "null"])

    def value(self, depth: int = 2) -> Any:
        """Any value of JSON."""
        kind = self.random.randrange(7 if depth else 4)
        if kind == 0:
            return self.random.choice([None, True, False])
        if kind == 1:
            return self.number()
        if kind in (2, 3):
            return self.text()
        if kind == 4:
            return {self.text(): self.value(depth - 1) for _number in range(self.random.randrange(4))}
        return [self.value(depth - 1) for _number in range(self.random.randrange(4))]

    def private(self, depth: int = 2) -> Any:
        """Any value with the secret in each of its texts."""
        kind = self.random.randrange(4 if depth else 2)
        if kind == 0:
            return self.number()
        if kind == 1:
            return SECRET + self.text()
        if kind == 2:
            return {SECRET + self.text(): self.private(depth - 1) for _number in range(self.random.randrange(4))}
        return [self.private(depth - 1) for _number in range(self.random.randrange(5))]

    def payload(self) -> dict[str, Any]:
        """A job of a known class with some fields of the wrong type, or a job with none of the right one."""
        if self.random.random() < 0.3:
            return {name: self.private() if name in PRIVATE else self.value() for name in FIELDS}
        payload = self.sound()
        for name in self.random.sample(FIELDS, self.random.randrange(1, 4)):
            payload[name] = self.private() if name in PRIVATE else self.value()
        return payload

    def sound(self) -> dict[str, Any]:
        """A job with nothing wrong but its secrets."""
        url = f"https://user:{SECRET}@gone{self.random.randrange(3)}.example/{SECRET}"
        name = self.random.choice(CLASSES)
        args: dict[str, list[Any]] = {
            "ActivityPub::DeliveryWorker": [SECRET, 1, url, {SECRET: SECRET}],
            "ActivityPub::ProcessingWorker": [1, json.dumps({"actor": url, "content": SECRET}), 2],
            "ResolveAccountWorker": [f"{SECRET}@gone.example"],
            "LinkCrawlWorker": [1, url],
        }
        return {
            "class": name,
            "args": args.get(name, [self.random.randrange(3), SECRET]),
            "jid": f"{self.random.getrandbits(96):024x}",
            "queue": "default",
            "created_at": 1795331156428,
            "error_message": SECRET,
            "error_class": "RuntimeError",
        }

    def bytes(self, most: int = 200) -> bytes:
        """Random bytes, never those of an object."""
        raw = self.random.randbytes(self.random.randrange(most))
        return b"\xff" + raw[1:] if raw[:1] == b"{" else raw


def _encode(payload: Any, odd: Odd) -> bytes:
    """As JSON with escapes or with raw bytes, of which some are no UTF-8."""
    if odd.random.random() < 0.5:
        return json.dumps(payload).encode()
    return json.dumps(payload, ensure_ascii=False).encode("utf-8", odd.random.choice(["surrogatepass", "replace"]))


def _broken_text(odd: Odd) -> bytes:
    payload = {**odd.sound(), "error_message": SECRET + "\udcff\udc80"}
    return json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogateescape")


def _truncated(odd: Odd) -> bytes:
    raw = _encode(odd.sound(), odd)
    return raw[: odd.random.randrange(1, len(raw))]


def _trailing(odd: Odd) -> bytes:
    return _encode(odd.sound(), odd) + odd.random.choice([b"x", b"{}", b"\x00", b","])


def _with_constant(odd: Odd) -> bytes:
    constant = odd.random.choice([b"NaN", b"Infinity", b"-Infinity"])
    return b'{"class": "BackupWorker", "created_at": %s}' % constant


def _no_object(odd: Odd) -> bytes:
    value: Any = odd.random.choice([None, True, 0, -1.5, "text", [], [{}], [odd.sound()], 10**4299])
    return json.dumps(value).encode()


def _long_number(odd: Odd) -> bytes:
    return b'{"class": "BackupWorker", "args": [%s%s]}' % (
        odd.random.choice([b"", b"-"]),
        b"9" * odd.random.randrange(4301, 9000),
    )


JOBS: Sequence[Callable[[Odd], bytes]] = (
    lambda odd: _encode(odd.sound(), odd),
    lambda odd: _encode(odd.payload(), odd),
    lambda odd: _encode(odd.payload(), odd),
    lambda odd: b" \r\n" + _encode(odd.payload(), odd) + b"\t",
    _broken_text,
    lambda odd: b"{}",
)
NO_JOBS: Sequence[Callable[[Odd], bytes]] = (
    lambda odd: odd.bytes(),
    _truncated,
    _trailing,
    _with_constant,
    _no_object,
    _long_number,
    lambda odd: b"\xef\xbb\xbf{}",
    lambda odd: odd.random.choice([b"", b" ", b"\n\t "]),
)
LARGE_JOBS: Sequence[Callable[[Odd], bytes]] = (
    lambda odd: _encode({**odd.sound(), "args": [SECRET * 50_000]}, odd),
    lambda odd: _encode({**odd.sound(), "args": [[1] * 500_000]}, odd),
    lambda odd: _encode({**odd.sound(), "error_class": "E" * 1_000_000}, odd),
)
LARGE_NO_JOBS: Sequence[Callable[[Odd], bytes]] = (
    lambda odd: odd.random.randbytes(1_000_000).replace(b"{", b"x"),
    lambda odd: b"[" * _DEEP,
    lambda odd: b"[" * _DEEP + b"]" * _DEEP,
    lambda odd: b'{"a":' * _DEEP + b"1" + b"}" * _DEEP,
    lambda odd: b'{"class": "BackupWorker", "args": ' + b"[" * _DEEP + b"]" * _DEEP + b"}",
    lambda odd: b"9" * 1_000_000,
    lambda odd: b'"' + b"a" * 1_000_000,
    lambda odd: b" " * 1_000_000,
)


def members(seed: int, count: int) -> list[tuple[bytes, bool]]:
    """So many members, each with whether it is a job; all the large ones are among them once."""
    odd = Odd(seed)
    large = [(make(odd), True) for make in LARGE_JOBS] + [(make(odd), False) for make in LARGE_NO_JOBS]
    found = [*small_members(odd, count - len(large)), *large]
    odd.random.shuffle(found)
    return found


def small_members(odd: Odd, count: int) -> list[tuple[bytes, bool]]:
    """As many members of each kind, each with whether it is a job."""
    found = []
    for number in range(count):
        is_job = number % 2 == 0
        kinds = JOBS if is_job else NO_JOBS
        raw = kinds[number // 2 % len(kinds)](odd)
        found.append((raw, is_job and not _has_half(raw)))  # test_json_live compares that rule with Ruby's own
    return found
