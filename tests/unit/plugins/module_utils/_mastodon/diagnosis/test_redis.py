# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about Redis, each on both sides of its border."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis import redis

from .builders import finds, ghost, one, process, server, view

RULES = [redis.eviction, redis.memory, redis.replica, redis.persistence, redis.too_old]


@pytest.mark.parametrize("rule", RULES)
def test_a_redis_that_was_not_read_is_not_judged(rule):
    assert finds(rule, view(server=None)) == []


def test_keys_of_another_type_are_named():
    assert finds(redis.wrong_types, view()) == []
    finding = one(redis.wrong_types, view(wrong_types=(b"retry\xff",)))
    assert (finding.severity, finding.id) == ("critical", "redis_key_type")
    assert "The key retry\\xff is of another type" in finding.summary


@pytest.mark.parametrize(
    ("policy", "found"),
    [("noeviction", False), (None, False), ("", False), ("allkeys-lru", True), ("volatile-ttl", True)],
)
def test_eviction(policy, found):
    seen = view(server=server(eviction_policy=policy))
    assert finds(redis.eviction, seen) == [("critical", "redis_eviction")] * found


@pytest.mark.parametrize(("evicted", "said"), [(0, False), (None, False), (1234, True)])
def test_eviction_says_what_it_cost(evicted, said):
    finding = one(redis.eviction, view(server=server(eviction_policy="allkeys-lru", evicted_keys=evicted)))
    assert ("1,234 keys evicted" in finding.summary) is said
    assert finding.evidence == {"eviction_policy": "allkeys-lru", "evicted_keys": evicted}


@pytest.mark.parametrize(
    ("used", "maximum", "severity"),
    [
        (800, 1000, None),
        (801, 1000, "warning"),
        (950, 1000, "warning"),
        (951, 1000, "critical"),
        (2000, 1000, "critical"),
        (2000, 0, None),  # no limit
        (2000, None, None),
        (None, 1000, None),
    ],
)
def test_memory(used, maximum, severity):
    seen = view(server=server(used_memory=used, maxmemory=maximum))
    assert finds(redis.memory, seen) == ([(severity, "redis_memory")] if severity else [])


def test_memory_as_given():
    limits = {"redis_memory_warning": 0.1, "redis_memory_critical": 0.2}
    finding = one(redis.memory, view(limits=limits, server=server(used_memory=150, maxmemory=1000)))
    assert finding.severity == "warning"
    assert finding.evidence == {"used_memory": 150, "maxmemory": 1000, "share": 0.15}


@pytest.mark.parametrize(("role", "found"), [("master", False), (None, False), ("slave", True)])
def test_replica(role, found):
    assert finds(redis.replica, view(server=server(role=role))) == [("critical", "redis_replica")] * found


def test_replica_says_how_its_link_is():
    assert "primary: down" in one(redis.replica, view(server=server(role="slave", master_link="down"))).summary
    assert "primary: unknown" in one(redis.replica, view(server=server(role="slave"))).summary


NONE, FAILED = [("warning", "redis_persistence")], [("critical", "redis_save_failed")]


@pytest.mark.parametrize(
    ("rdb", "aof", "saved", "written", "found"),
    [
        (True, True, True, True, []),
        (True, False, True, True, []),
        (False, True, True, True, []),
        (False, False, True, True, NONE),
        (False, False, False, False, NONE),
        (None, False, True, True, []),  # the ACL does not tell
        (False, None, True, True, []),
        (True, False, False, True, FAILED),
        (True, True, True, False, FAILED),
        (None, None, None, None, []),
    ],
)
def test_persistence(rdb, aof, saved, written, found):
    seen = view(server=server(rdb_enabled=rdb, aof_enabled=aof, rdb_last_save_ok=saved, aof_last_write_ok=written))
    assert finds(redis.persistence, seen) == found


@pytest.mark.parametrize(
    ("have", "sidekiq", "found"),
    [
        ("7.0.0", "8.1.7", False),
        ("6.2.20", "8.1.7", True),
        ("6.2.0", "7.3.9", False),
        ("6.0.16", "7.3.9", True),
        ("4.0.0", "6.5.12", False),
        ("3.2.13", "6.5.12", True),
        ("3.2.13", None, False),
        ("3.2.13", "5.2.10", False),
        ("3.2.13", "9.0.0", False),
        (None, "8.1.7", False),
        ("", "8.1.7", False),
        ("nonsense", "8.1.7", False),
    ],
)
def test_too_old(have, sidekiq, found):
    seen = view(server=server(version=have, compatible_version=have), processes=(process(version=sidekiq),))
    assert finds(redis.too_old, seen) == [("critical", "redis_too_old")] * found


def test_too_old_for_the_newest_that_is_alive():
    old = server(product="valkey", version="8.0.1", compatible_version="6.2.0")
    finding = one(redis.too_old, view(server=old, processes=(process(version="7.3.9"), process(version="8.1.7"))))
    assert finding.evidence == {"version": "8.0.1", "needed": "7.0"}
    assert "valkey 8.0.1" in finding.summary
    assert finds(redis.too_old, view(server=old, processes=(process(version="7.3.9"), ghost()))) == []


@pytest.mark.parametrize("version", ["", "x", "²", "8²", "9" * 5000, "8." + "9" * 5000, "٨.1", "-8"])
def test_too_old_whatever_a_process_calls_its_version(version):
    seen = view(server=server(compatible_version="6.2.0"), processes=(process(version=version),))
    assert len(finds(redis.too_old, seen)) <= 1
