# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many connections to PostgreSQL are left."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.connections import (
    Connected,
    connection_budget,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.machine import Preferences

from ..hosts import facts
from .test_recommendation import STREAMING, WEB


def budget(elsewhere=0, connected=None, own=None, **host):
    return connection_budget(read_host(facts(**host)), Preferences(**(own or {})), elsewhere, connected)


@pytest.mark.parametrize(
    ("what", "values", "free", "other_hosts"),
    [
        ("web and streaming of another host keep theirs", {}, 100 - 3 - 10 - 10, 20),
        (
            "with the settings of .env.production",
            {"dotenv": "WEB_CONCURRENCY=4\nMAX_THREADS=6\n"},
            100 - 3 - 24 - 10,
            34,
        ),
        ("web here, streaming elsewhere", {"around": WEB}, 100 - 3 - 10 - 10, 10),
        ("both here", {"around": WEB + STREAMING}, 100 - 3 - 10 - 10, 0),
        ("what the user says of other hosts is all that they take", {"own": {"other_connections": 7}}, 100 - 3 - 7, 7),
        ("of web and streaming, wherever they are", {"own": {"reserved_connections": 30}}, 100 - 3 - 30, 0),
        ("Sidekiq elsewhere has a connection for each thread", {"elsewhere": 25}, 100 - 3 - 20 - 25, 45),
        ("more are connected now than expected", {"connected": Connected(30, 5)}, 100 - 3 - 35, 35),
        ("fewer are connected now: their pools are not full", {"connected": Connected(4, 1)}, 100 - 3 - 20, 20),
        (
            "what the user says is less than what is",
            {"own": {"other_connections": 7}, "connected": Connected(9)},
            88,
            9,
        ),
        ("nothing is left", {"own": {"other_connections": 200}}, 0, 200),
        ("nobody could ask", {"database": ""}, 100 - 3 - 20, 20),
        ("the user says how many", {"database": "", "own": {"max_connections": 200}}, 200 - 3 - 20, 20),
    ],
)
def test_what_is_free(what, values, free, other_hosts):
    found = budget(**values)
    assert (found.free, found.other_hosts) == (free, other_hosts), (what, found.sentence)
    assert found.sentence.partition(".")[0].endswith(f"= {free}")


def test_the_sentence_names_each_part():
    assert budget(elsewhere=25).sentence == (
        "Connections to PostgreSQL: 100 - 3 (kept by PostgreSQL) - 10 (web 2 x 5, on another host)"
        " - 10 (streaming 1 x 10, on another host) - 25 (other Sidekiq processes) = 52."
    )
    assert (
        "- 30 (connected now from other hosts) - 5 (connected now to other databases) = 62."
        in budget(connected=Connected(30, 5)).sentence
    )


def test_an_assumption_is_called_one():
    found = budget(database="")
    assert found.assumed
    assert "its default of 100 is assumed. Set tuning_max_connections to its max_connections." in found.sentence
    assert not budget().assumed


def test_pgbouncer_is_named():
    assert "PgBouncer" in budget(dotenv="PREPARED_STATEMENTS=false\n").sentence
    assert "PgBouncer" not in budget().sentence
