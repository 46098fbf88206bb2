# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Redis itself, as far as Sidekiq depends on it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..keys import Keys
from ..text import text_or_none
from ..times import number
from .batch import Batch, Reader


@dataclass(frozen=True)
class Server:
    """INFO of Redis or Valkey; memory in bytes, None where the server or its ACL does not tell.

    `product` and `version`: Valkey answers as Redis 7.2.4, what it really is stands in fields of its own.
    `compatible_version`: the version of Redis that Sidekiq sees.
    """

    product: str
    version: str | None
    compatible_version: str | None
    mode: str | None
    role: str | None
    master_link: str | None
    loading: bool
    uptime: int | None
    used_memory: int | None
    maxmemory: int | None
    system_memory: int | None
    eviction_policy: str | None
    evicted_keys: int | None
    rdb_enabled: bool | None
    rdb_last_save_ok: bool | None
    aof_enabled: bool | None
    aof_last_write_ok: bool | None
    clients: int | None
    maxclients: int | None
    blocked_clients: int | None


def read_server(batch: Batch, key: Keys) -> Reader[Server]:
    """One round trip. Needs INFO; without CONFIG it cannot be known whether snapshots are saved."""
    info, save = batch.ask("info"), batch.ask("config_get", "save")
    yield
    facts, points = info.get({}, tolerant=True), save.get({}, tolerant=True)
    return build(facts, points.get("save", points.get(b"save")))


def build(info: t.Mapping[str, t.Any], save: t.Any) -> Server:
    """From the fields of INFO and the `save` points of the configuration (None: not known)."""
    valkey = info.get("valkey_version")
    return Server(
        product="valkey" if valkey else "redis",
        version=_text(valkey or info.get("redis_version")),
        compatible_version=_text(info.get("redis_version")),
        mode=_text(info.get("redis_mode") or info.get("server_mode")),
        role=_text(info.get("role")),
        master_link=_text(info.get("master_link_status")),
        loading=_integer(info.get("loading")) == 1,
        uptime=_integer(info.get("uptime_in_seconds")),
        used_memory=_integer(info.get("used_memory")),
        maxmemory=_integer(info.get("maxmemory")),
        system_memory=_integer(info.get("total_system_memory")),
        eviction_policy=_text(info.get("maxmemory_policy")),
        evicted_keys=_integer(info.get("evicted_keys")),
        rdb_enabled=None if save is None else bool(save.strip()),
        rdb_last_save_ok=_ok(info.get("rdb_last_bgsave_status")),
        aof_enabled=None if "aof_enabled" not in info else _integer(info.get("aof_enabled")) == 1,
        aof_last_write_ok=_ok(info.get("aof_last_write_status")),
        clients=_integer(info.get("connected_clients")),
        maxclients=_integer(info.get("maxclients")),
        blocked_clients=_integer(info.get("blocked_clients")),
    )


def _ok(value: t.Any) -> bool | None:
    return None if value is None else value == "ok"


def _text(value: t.Any) -> str | None:
    return None if value is None else text_or_none(str(value))


def _integer(value: t.Any) -> int | None:
    whole = number(value)
    return None if whole is None else int(whole)
