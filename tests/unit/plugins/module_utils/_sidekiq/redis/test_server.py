# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What INFO and CONFIG say, by products and by how much the ACL lets through."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.server import build

INFO = {
    "redis_version": "7.0.15",
    "redis_mode": "standalone",
    "role": "master",
    "loading": 0,
    "uptime_in_seconds": 86400,
    "used_memory": 1024,
    "maxmemory": 0,
    "total_system_memory": 8589934592,
    "maxmemory_policy": "noeviction",
    "evicted_keys": 0,
    "rdb_last_bgsave_status": "ok",
    "aof_enabled": 0,
    "aof_last_write_status": "ok",
    "connected_clients": 31,
    "maxclients": 10000,
    "blocked_clients": 23,
}
VALKEY = {**INFO, "redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "9.1.2"}


@pytest.mark.parametrize(
    ("changes", "save", "expected"),
    [
        ({}, "3600 1 300 100", {"product": "redis", "version": "7.0.15", "compatible_version": "7.0.15"}),
        ({}, "3600 1", {"rdb_enabled": True, "rdb_last_save_ok": True, "aof_enabled": False}),
        ({}, "", {"rdb_enabled": False}),
        ({}, b" ", {"rdb_enabled": False}),
        ({}, None, {"rdb_enabled": None}),
        ({}, "", {"mode": "standalone", "role": "master", "master_link": None, "loading": False, "uptime": 86400}),
        ({}, "", {"used_memory": 1024, "maxmemory": 0, "system_memory": 8589934592, "evicted_keys": 0}),
        ({}, "", {"eviction_policy": "noeviction", "clients": 31, "maxclients": 10000, "blocked_clients": 23}),
        ({"role": "slave", "master_link_status": "down"}, "", {"role": "slave", "master_link": "down"}),
        ({"loading": 1}, "", {"loading": True}),
        ({"rdb_last_bgsave_status": "err"}, "", {"rdb_last_save_ok": False}),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, "", {"aof_enabled": True, "aof_last_write_ok": False}),
        ({"redis_version": 7.0}, "", {"version": "7.0"}),  # redis-py turns what looks like a number into one
        ({"used_memory": "much"}, "", {"used_memory": None}),
    ],
)
def test_build(changes, save, expected):
    server = build({**INFO, **changes}, save)
    assert {name: getattr(server, name) for name in expected} == expected


def test_valkey_says_what_it_is_and_what_it_is_like():
    server = build(VALKEY, "")
    assert (server.product, server.version, server.compatible_version) == ("valkey", "9.1.2", "7.2.4")


def test_an_acl_that_hides_all_leaves_nothing_known():
    server = build({}, None)
    known = {name: value for name, value in vars(server).items() if value is not None}
    assert known == {"product": "redis", "loading": False}
