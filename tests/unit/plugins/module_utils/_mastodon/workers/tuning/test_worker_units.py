# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout as the role workers takes it."""

from __future__ import annotations

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.worker_units import (
    worker_units,
)

QUEUES = ("default", "push", "ingress", "mailers", "pull", "scheduler")


def names(threads, queues=QUEUES):
    return [unit["name"] for unit in worker_units(threads, queues)]


def test_names():
    assert names([]) == []
    assert names([5]) == ["stock"]
    assert names([5] * 2) == ["stock", "2"]
    assert names([5] * 4) == ["stock", "pull", "2", "3"]
    assert names([5] * 3, ("default", "scheduler")) == ["stock", "2", "3"]


def test_one_process_has_the_scheduler():
    units = worker_units([25, 25, 20], QUEUES)
    assert [unit["name"] for unit in units if {"name": "scheduler", "weight": 1} in unit["queues"]] == ["stock"]
    assert [unit["threads"] for unit in units] == [25, 25, 20]
    assert {"name": "default", "weight": 8} in units[2]["queues"]
