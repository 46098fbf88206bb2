# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose keys are whose, and in which order jobs are suggested to go."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.redis_memory import (
    Family,
    family_of,
    suggestions,
    to_free,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


@pytest.mark.parametrize(
    ("key", "family"),
    [
        ("queue:push", "queues"),
        ("retry", "retry"),
        ("schedule", "scheduled"),
        ("schedules", "recurring"),
        ("dead", "dead"),
        ("processes", "processes"),
        ("worker.example:12:c98a7640857b", "processes"),
        ("worker.example:12:c98a7640857b:work", "processes"),
        ("stat:processed:2026-11-25", "statistics"),
        ("uniquejobs:1941d97a3904fd09cdd4aebe05320b1c:LOCKED", "unique locks"),
        ("feed:home:1", "feeds"),
        ("feed:home:1:reblogs:2", "feeds"),
        ("lock:backup:1", "locks"),
        ("exhausted_deliveries:https://a.example/inbox", "delivery failures"),
        ("cache:rails", "cache"),
        ("something", "other"),
    ],
)
def test_families(key, family):
    assert family_of(key)[0] == family


def test_what_hurts_least_goes_first():
    families = {name: Family(name, "Sidekiq", 1, 1, size) for name, size in {"dead": 10, "retry": 500}.items()}
    found = suggestions(families, {"push": 9000, "pull": 20, "default": 7})
    assert [entry["bytes"] for entry in found] == [10, 500, 20, 9000]
    assert found[0]["selection"] == {"state": "absent", "sets": ["dead"], "all": True}
    assert suggestions({}, {}) == []


def nearly_full(used=85):
    """A Redis of 1000 bytes: 20 are dead jobs, 100 deliveries to be retried, 300 wait in pull, 400 in push."""
    families = {
        name: Family(name, "Sidekiq", 1, 1, size) for name, size in (("dead", 20), ("retry", 100), ("queues", 700))
    }
    found = suggestions(families, {"pull": 300, "push": 400})
    return {"used_percent": used, "used_bytes": used * 10, "maxmemory_bytes": 1000, "suggestions": found}


@pytest.mark.parametrize(
    ("used", "last", "places"),
    [
        (85, "nothing", []),
        (79.9, "push", []),
        (None, "push", []),
        (80, "push", ["dead"]),
        (81, "push", ["dead"]),
        (85, "push", ["dead", "retry"]),
        (85, "dead", ["dead"]),
        (95, "push", ["dead", "retry", "pull"]),
        (95, "retry", ["dead", "retry"]),
    ],
)
def test_what_makes_room_in_the_order_that_hurts_least(used, last, places):
    memory = nearly_full(used or 85)
    chosen = to_free({**memory, "used_percent": used}, 80, last)
    assert [(one.get("sets") or one["queues"])[0] for one in chosen] == places
    assert all(one["state"] == "absent" for one in chosen)


def test_no_such_place():
    with pytest.raises(BadOption, match="backlog_recovery_free_memory must be nothing, dead, retry, pull, push"):
        to_free(nearly_full(), 80, "feeds")
