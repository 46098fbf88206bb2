# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose keys are whose, and in which order jobs are suggested to go."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.key_families import (
    Family,
    family_of,
    suggestions,
)


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
