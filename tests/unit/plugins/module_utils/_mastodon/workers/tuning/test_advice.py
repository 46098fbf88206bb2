# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which limit is named, and what raising it is said to give."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.machine import MIB

from .test_recommendation import BUSY, GIB, IDLE, WEB, recommended

PLENTY = {"available": 64 * GIB, "load": BUSY}


@pytest.mark.parametrize(
    ("what", "values", "limits"),
    [
        (
            "connections",
            {"cores": 8, "own": {"other_connections": None}},
            [
                "Limit: connections to PostgreSQL. Raise max_connections from 100 to 250:"
                " 8 x 25 = 200 threads instead of 72."
            ],
        ),
        (
            "connections, as far as PostgreSQL should go",
            {"cores": 32},
            [
                "Limit: connections to PostgreSQL. Raise max_connections from 100 to 300:"
                " 32 x 9 = 288 threads instead of 95."
            ],
        ),
        (
            "connections, farther than PostgreSQL should go",
            {"cores": 32, "database": "max_connections|300"},
            [
                "Limit: connections to PostgreSQL. max_connections is 300. Put PgBouncer in front, with a max_client_conn of 800:"
                " 32 x 25 = 800 threads instead of 288."
            ],
        ),
        (
            "others alone take more than PostgreSQL should give",
            {"cores": 1, "own": {"other_connections": 400}},
            [
                "Limit: connections to PostgreSQL. max_connections is 100. Put PgBouncer in front, with a max_client_conn of 450:"
                " 1 x 25 = 25 threads instead of 0."
            ],
        ),
        (
            "an assumed number is called assumed",
            {"cores": 8, "database": ""},
            [
                "Limit: connections to PostgreSQL. Raise max_connections from 100 (assumed) to 250:"
                " 8 x 25 = 200 threads instead of 96."
            ],
        ),
        (
            "the variable has to follow",
            {"cores": 8, "own": {"max_connections": 100}},
            [
                "Limit: connections to PostgreSQL. Raise max_connections from 100 to 250, and tuning_max_connections too:"
                " 8 x 25 = 200 threads instead of 96."
            ],
        ),
        (
            "memory",
            {"cores": 2, "available": 0.5 * GIB},
            ["Limit: memory. Give the host 738 MiB more: 2 x 25 = 50 threads instead of 15."],
        ),
        (
            "memory as the user set it",
            {"cores": 2, "own": {"memory": 459 * MIB}},
            ["Limit: memory. Raise tuning_memory from 459 MiB to 1000 MiB: 2 x 25 = 50 threads instead of 20."],
        ),
        (
            "Redis",
            {"cores": 3, "redis": (0, 60)},
            [
                "Limit: connections to Redis. Raise maxclients of Redis from 60 to 105:"
                " 3 x 25 = 75 threads instead of 40."
            ],
        ),
        (
            "cores",
            {"cores": 4, "around": WEB},
            ["Limit: cores. With 4 cores for Sidekiq instead of 2: 4 x 21 = 84 threads instead of 50."],
        ),
    ],
)
def test_the_limit_and_what_raising_it_gives(what, values, limits):
    found = recommended(**{**PLENTY, **values})
    assert [line for line in found["advice"] if line.startswith("Limit:")] == limits, found["arithmetic"]
    assert found["limits"][0]["total"] > found["total"]


@pytest.mark.parametrize("cores", [4, 6, 8, 12])
@pytest.mark.parametrize("others", [0, 20, 150])
def test_the_advice_holds(cores, others):
    """Whoever raises max_connections as told gets what was promised, also where others already exceed it."""
    values = {"cores": cores, "available": 64 * GIB, "own": {"other_connections": others}}
    before = recommended(**values)
    for step in before["limits"]:
        if step["limit"] == "connections":
            after = recommended(**values, database=f"max_connections|{step['to']}\nsuperuser_reserved_connections|3")
            assert after["total"] == step["total"]


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        ({}, "cores and connections to PostgreSQL"),  # 4 x 24 of 97 connections
        ({"cores": 2, "available": 1.3 * GIB}, "cores and memory"),
    ],
)
def test_limits_that_end_together(values, limits):
    advice = recommended(**{**PLENTY, **values})["advice"]
    assert f"Limit: {limits} together. Raising one of them alone gives little." in advice


def test_no_advice_for_more_threads_while_those_that_run_are_idle():
    found = recommended(cores=8, processes=[(400 * MIB, 25)], load=IDLE)
    assert not any(line.startswith("Limit:") for line in found["advice"])
