# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The settings of Redis that decide whether jobs are kept: what is in effect, what its file says, and a change of both."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ..errors import BadOption, SidekiqError
from ..text import text

DIRECTIVES: t.Final = {
    "append_only": "appendonly",
    "snapshots": "save",
    "eviction_policy": "maxmemory-policy",
    "maxmemory": "maxmemory",
}
"""In the order in which they are set: nothing may be thrown away on the way to a policy that throws nothing away."""
POLICIES: t.Final = (
    "noeviction",
    *("allkeys-lru", "allkeys-lfu", "allkeys-random"),
    *("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"),
)
_BUILT_IN: t.Final = {
    "appendonly": "no",
    "save": "3600 1 300 100 60 10000",
    "maxmemory-policy": "noeviction",
    "maxmemory": "0",
}
_UNITS: t.Final = {"": 1, "b": 1, "k": 10**3, "kb": 1 << 10, "m": 10**6, "mb": 1 << 20, "g": 10**9, "gb": 1 << 30}
_MOST_BYTES: t.Final = 2**64 - 1
_MOST_CHANGES: t.Final = 2**31 - 1


@dataclass(frozen=True)
class Settings:
    """Bytes (0: no limit), the policy, whether the append-only file is on, and the points at which snapshots are saved."""

    maxmemory: int
    eviction_policy: str
    append_only: bool
    snapshots: str


def size_in_bytes(text: str, name: str) -> int:
    """As redis.conf counts: `1k` is 1000 bytes, `1kb` is 1024. Raises BadOption."""
    found = re.fullmatch(r"\s*0*([0-9]{1,20})\s*([kmg]?b?)\s*", text.lower())
    size = int(found[1]) * _UNITS[found[2]] if found else _MOST_BYTES + 1
    if size > _MOST_BYTES:
        raise BadOption(
            f"{name}: {text!r} is no size that Redis takes; it is written like 2gb, 512mb or 0 for no limit."
        )
    return size


def save_points(text: str, name: str) -> str:
    """`SECONDS CHANGES` pairs, or nothing, as Redis writes them. Raises BadOption."""
    words = text.split()
    numbers = [int(word) for word in words if re.fullmatch(r"0*[0-9]{1,10}", word)]
    sound = len(numbers) == len(words) and max(numbers, default=0) <= _MOST_CHANGES and all(numbers[::2])
    if not sound or len(numbers) % 2:
        raise BadOption(
            f"{name}: {text!r} is not SECONDS CHANGES, once or more, with seconds from 1 on, such as '3600 1 300 100'."
        )
    return " ".join(map(str, numbers))


def read(client: t.Any) -> Settings:
    """What is in effect. Raises SidekiqError where CONFIG is not allowed, as with many hosted servers."""
    return _typed({directive: _get(client, directive) for directive in DIRECTIVES.values()})


def in_file(path: str) -> Settings | None:
    """What the configuration file on this machine says, or None if it cannot be read or includes another one."""
    found: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in lines:
        words = line.split()
        name = words[0].lower() if words else ""
        if name == "include":
            return None
        if name in _BUILT_IN:
            value = " ".join(word.strip("\"'") for word in words[1:])
            more = name == "save" and value and found.get("save")
            found[name] = f"{found['save']} {value}" if more else value
    try:
        return _typed({**_BUILT_IN, **found})
    except (BadOption, ValueError):
        return None


def plan(current: Settings, wanted: t.Mapping[str, t.Any]) -> tuple[Settings, list[str]]:
    """What is to be, and the names that differ; `wanted` has None for what stays."""
    target = replace(current, **{name: value for name, value in wanted.items() if value is not None})
    return target, [name for name in DIRECTIVES if getattr(target, name) != getattr(current, name)]


def apply(client: t.Any, target: Settings, names: t.Iterable[str], rewrite: bool) -> None:
    """Put settings into effect, and the file in line with them. Raises SidekiqError with what was done so far."""
    done: list[str] = []
    for name in names:
        value = getattr(target, name)
        text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        _command(client, ("CONFIG SET", DIRECTIVES[name], text), done)
        done.append(DIRECTIVES[name])
    if rewrite:
        _command(client, ("CONFIG REWRITE",), done)


def _command(client: t.Any, words: tuple[str, ...], done: list[str]) -> None:
    import redis

    try:
        client.execute_command(*words)
    except redis.ResponseError as error:
        so_far = f" In effect until Redis restarts: {', '.join(done)}." if done else " Nothing was changed."
        raise SidekiqError(f"Redis refuses {' '.join(words[:2])}: {error}.{so_far}") from None


def _get(client: t.Any, directive: str) -> str:
    import redis

    try:
        answer = client.config_get(directive)
    except redis.ResponseError as error:
        raise SidekiqError(
            f"Redis does not say how it is set ({error}). CONFIG must be allowed for this login; where it is hosted, use the console of the host."
        ) from None
    return text(answer.get(directive, answer.get(directive.encode(), "")))


def _typed(values: t.Mapping[str, str]) -> Settings:
    return Settings(
        maxmemory=size_in_bytes(values["maxmemory"], "maxmemory"),
        eviction_policy=values["maxmemory-policy"],
        append_only=values["appendonly"] == "yes",
        snapshots=" ".join(values["save"].split()),
    )
