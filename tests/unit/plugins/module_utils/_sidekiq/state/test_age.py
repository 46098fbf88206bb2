# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Since when a job is where it is, and in which class of the histogram that puts it."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.age import bucket, ordered, since
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse

TIMES = {"created_at": 100.0, "enqueued_at": 200.0, "failed_at": 300.0, "retried_at": 400.0}


@pytest.mark.parametrize(
    ("place", "left_out", "moment"),
    [
        ("queues", (), 200.0),
        ("queues", ("enqueued_at",), 100.0),
        ("scheduled", (), 100.0),
        ("retry", (), 400.0),
        ("retry", ("retried_at",), 300.0),
        ("retry", ("retried_at", "failed_at"), None),
        ("dead", (), 500.0),
    ],
)
def test_since(place, left_out, moment):
    fields = {name: time for name, time in TIMES.items() if name not in left_out}
    assert since(parse(json.dumps({"class": "A", "args": [], **fields}).encode()), place, 500.0) == moment


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(None, "unknown"), (-5, "1m"), (59.9, "1m"), (60, "10m"), (3599, "1h"), (86_399, "1d"), (604_800, "older")],
)
def test_bucket(seconds, name):
    assert bucket(seconds) == name


def test_from_young_to_old_without_what_is_empty():
    counts = {"unknown": 1, "older": 2, "1m": 3, "1d": 0}
    assert list(ordered(counts).items()) == [("1m", 3), ("older", 2), ("unknown", 1)]
