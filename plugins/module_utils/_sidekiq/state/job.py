# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A job: the stored bytes and what they say.

Only the exact bytes name a member of a list or a sorted set in Redis, so they stay with the job. Everything that is
read out of the payload is checked for its type: a job is written by anybody.
"""

from __future__ import annotations

import json
import re
import typing as t
from json.scanner import make_scanner

from ..text import clean, clean_deep, text_or_none
from ..times import epoch
from . import active_job
from .backtrace import backtrace

_NOTHING: t.Mapping[str, t.Any] = {}
_DEEPEST = 100  # levels; Ruby's JSON refuses more, and so does every Sidekiq
_ESCAPES = re.compile(rb"(?P<high>\\u[dD][89abAB][0-9a-fA-F]{2})(?P<low>\\u[0-9a-fA-F]{4})?|\\.", re.DOTALL)
_REST = re.compile(rb'(?:[^"\\]|\\.)*', re.DOTALL)  # of a text in JSON
_SECOND_HALF = 6  # bytes of an escape
_LARGEST = 2**63  # a count beyond it is none, and Python may refuse to write it down


class Job(t.NamedTuple):  # there are millions of these
    """One job. `malformed` says why the bytes are no job (then `payload` is empty), None if they are one."""

    raw: bytes
    payload: t.Mapping[str, t.Any]
    malformed: str | None = None

    @property
    def jid(self) -> str | None:
        return text_or_none(self.payload.get("jid"))

    @property
    def worker_class(self) -> str | None:
        """`class` as stored; for an ActiveJob this is the wrapper."""
        return text_or_none(self.payload.get("class"))

    @property
    def display_class(self) -> str | None:
        """The class as people know it, see `activejob`."""
        name = self.payload.get("class")
        if isinstance(name, str) and name not in active_job.WRAPPERS and "display_class" not in self.payload:
            return clean(name)
        return text_or_none(active_job.display_class(self.payload))

    @property
    def display_args(self) -> t.Any:
        """The arguments as people know them. They are private: nothing shows them unless asked."""
        return clean_deep(active_job.display_args(self.payload))

    @property
    def args(self) -> list[t.Any]:
        """`args` as stored; empty if there is no list."""
        args = self.payload.get("args")
        return args if isinstance(args, list) else []

    @property
    def queue(self) -> str | None:
        return text_or_none(self.payload.get("queue"))

    @property
    def created_at(self) -> float | None:
        """Epoch seconds."""
        return epoch(self.payload.get("created_at"))

    @property
    def enqueued_at(self) -> float | None:
        """Epoch seconds of the last push to a queue; None for a scheduled job of Sidekiq 7.1.2 and newer."""
        return epoch(self.payload.get("enqueued_at"))

    @property
    def failed_at(self) -> float | None:
        """Epoch seconds of the first failure."""
        return epoch(self.payload.get("failed_at"))

    @property
    def retried_at(self) -> float | None:
        """Epoch seconds of the last failed try but the first."""
        return epoch(self.payload.get("retried_at"))

    @property
    def retry_count(self) -> int | None:
        count = self.payload.get("retry_count")
        return count if isinstance(count, int) and not isinstance(count, bool) and abs(count) < _LARGEST else None

    @property
    def attempts(self) -> int:
        """How often it failed: `retry_count` is 0 after the first failure."""
        return 0 if self.retry_count is None else max(0, self.retry_count + 1)

    @property
    def error_class(self) -> str | None:
        return text_or_none(self.payload.get("error_class"))

    @property
    def error_message(self) -> str | None:
        return text_or_none(self.payload.get("error_message"))

    @property
    def error_backtrace(self) -> list[str] | None:
        return backtrace(self.payload.get("error_backtrace"))

    @property
    def tags(self) -> list[str]:
        tags = self.payload.get("tags")
        return [tag for tag in map(text_or_none, tags) if tag is not None] if isinstance(tags, list) else []

    @property
    def batch(self) -> str | None:
        """`bid`: the batch of Sidekiq Pro that waits for this job."""
        return text_or_none(self.payload.get("bid"))

    @property
    def encrypted(self) -> bool:
        return bool(self.payload.get("encrypt"))

    @property
    def lock_digest(self) -> str | None:
        """The digest of its unique lock (sidekiq-unique-jobs; `unique_digest` before 7.0)."""
        return text_or_none(self.payload.get("lock_digest")) or text_or_none(self.payload.get("unique_digest"))


def parse(raw: bytes) -> Job:
    """The job in these bytes. Never fails: what is no JSON object is returned as malformed, with the reason.

    Bytes that are no UTF-8 inside an otherwise good object do not make it malformed: Sidekiq itself can read its class
    and jid, and so can we.
    """
    try:
        text = raw.decode("utf-8", "surrogateescape")
        payload, end = _scan(text, 0) if text[:1] == "{" else (None, -1)
        if end != len(text):  # white space around it, or no JSON; the slower way tells
            payload = _DECODER.decode(text)
    except RecursionError:
        return Job(raw, _NOTHING, "nested too deeply")
    except (json.JSONDecodeError, StopIteration):
        return Job(raw, _NOTHING, "empty" if not raw.strip() else "not JSON")
    except ValueError:  # more digits than Python converts, which no rewritten job could keep
        return Job(raw, _NOTHING, "number too long")
    if not isinstance(payload, dict):
        return Job(raw, _NOTHING, "not an object")
    if (b"\\ud" in raw or b"\\uD" in raw) and _has_half(raw):
        return Job(raw, _NOTHING, "half a surrogate")
    if raw.count(b"[") + raw.count(b"{") > _DEEPEST and _is_deep(payload):
        return Job(raw, _NOTHING, "nested too deeply")
    return Job(raw, payload)


def _has_half(raw: bytes) -> bool:
    """Whether the escape of a high surrogate stands so near to the end of its text that no second half has room: Ruby's JSON
    (2.6 to 2.9) refuses that.

    It takes any escape for the second half, reads a question mark where there is none, and takes a low surrogate alone.
    """
    return any(
        escape["high"] and not escape["low"] and _rest(raw, escape.end()) < _SECOND_HALF
        for escape in _ESCAPES.finditer(raw)
    )


def _rest(raw: bytes, start: int) -> int:
    """Bytes up to the end of the text; never many are looked at."""
    rest = _REST.match(raw, start, start + 2 * _SECOND_HALF)
    return len(rest[0]) if rest else 0


def _is_deep(payload: t.Any) -> bool:
    level = [payload]
    for _depth in range(_DEEPEST):
        inner = [part for value in level for part in (value.values() if isinstance(value, dict) else value)]
        level = [value for value in inner if isinstance(value, (dict, list))]
        if not level:
            return False
    return True


def _refuse(constant: str) -> t.NoReturn:
    raise json.JSONDecodeError("no JSON, in Ruby neither", constant, 0)


_DECODER = json.JSONDecoder(parse_constant=_refuse)  # else NaN and Infinity would do
_scan = make_scanner(_DECODER)  # type: ignore[arg-type]
