# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recommended for a host, as a whole."""

from __future__ import annotations

import itertools
import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.load import Crew, Late, Load
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.machine import (
    MIB,
    Machine,
    Preferences,
    Running,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.recommendation import (
    recommend,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.validate import Limits, declare

from ..hosts import STOCK, facts

GIB = 1024 * MIB
WEB = "Id=mastodon-web.service\nLoadState=loaded\nActiveState=active\nType=simple\nEnvironment=WEB_CONCURRENCY=2\n"
STREAMING = "\nId=mastodon-streaming@4000.service\nLoadState=loaded\nActiveState=active\nType=simple\nEnvironment=\n"
BUSY = Load(Crew(25, 25), (Late("default", 720, 5, Crew(25, 25)),))
IDLE = Load(Crew(1, 25))


def recommended(
    cores=4, available=8 * GIB, processes=(), redis=None, load=BUSY, connected=None, elsewhere=0, own=None, **host
):
    """`own`: preferences; other connections are none unless told otherwise."""
    machine = Machine(
        cores, 16 * GIB, int(available), tuple(Running(rss, threads) for rss, threads in processes), elsewhere, redis
    )
    return recommend(
        read_host(facts(**host)), machine, Preferences(**{"other_connections": 0, **(own or {})}), load, connected
    )


@pytest.mark.parametrize(
    ("what", "values", "processes", "threads"),
    [
        ("a process for each core, and what 97 connections allow", {}, 4, 24),
        ("the web server has half of the cores, and its connections", {"around": WEB}, 2, 25),
        ("one core", {"cores": 1}, 1, 25),
        ("never more than 25 in one process", {"cores": 1, "database": "max_connections|500"}, 1, 25),
        ("unless asked", {"cores": 1, "own": {"threads_max": 40}, "database": "max_connections|500"}, 1, 40),
        ("more than one process before more than 25 threads", {"cores": 2, "own": {"threads_max": 25}}, 2, 25),
        ("1.5 GiB: 1229 MiB / 3 - 250 = 159 for 15 threads of 10", {"available": 1.5 * GIB}, 3, 15),
        ("little memory: one process of 250 + 15 x 10", {"available": 0.5 * GIB}, 1, 15),
        ("not even a process", {"available": 0.3 * GIB}, 0, 0),
        ("30 connections - 3", {"database": "max_connections|30\nsuperuser_reserved_connections|3"}, 3, 9),
        ("Redis takes 60: 60 / 2 - 10", {"redis": (0, 60)}, 2, 20),
        ("of which others have 20", {"redis": (20, 60)}, 1, 25),
        (
            "a hungry process: (1250 - 250) / 20 = 50 each",
            {"processes": [(1250 * MIB, 20)], "available": 1 * GIB},
            2,
            13,
        ),
        ("a young process is no measure", {"processes": [(100 * MIB, 20)], "available": 7.9 * GIB}, 4, 24),
    ],
)
def test_recommendation(what, values, processes, threads):
    found = recommended(**values)
    assert (found["processes"], found["threads"]) == (processes, threads), (what, found["arithmetic"])
    assert found["total"] == processes * threads
    assert json.loads(json.dumps(found)) == found


def test_it_is_what_the_role_workers_accepts():
    for cores in (1, 2, 3, 6):
        host = read_host(facts(around=WEB))
        found = recommended(cores=2 * cores, around=WEB, own={"other_connections": None})
        declared = declare(found["units"], host, Limits(other_connections=found["other_connections"]), {})
        assert declared.refusals == ()
        assert sum(len(worker.units) for worker in declared.workers) == found["processes"]


@pytest.mark.parametrize(
    ("database", "connections"),
    [
        ("", 100 - 3 - 20 - 5),
        ("max_connections|26\nsuperuser_reserved_connections|3", 0),
        ("max_connections|60", 60 - 20 - 5),
        ("max_connections|300", 300 - 20 - 5),
    ],
)
def test_no_recommendation_exceeds_a_limit(database, connections):
    """Whatever the host has, runs or keeps."""
    host = read_host(facts(database=database, around=WEB + STREAMING))
    for cores, available, running, load in itertools.product(
        (1, 3, 8, 32),
        (0.2, 0.5, 2),
        ((), (25,), (5,), (24, 24), (20, 20, 20, 20), (60, 1)),
        (BUSY, IDLE),
    ):
        processes = tuple(Running(300 * MIB, threads) for threads in running)
        machine = Machine(cores, 16 * GIB, int(available * GIB), processes, 0, (0, 200))
        found = recommend(host, machine, Preferences(other_connections=5), load)
        memory = (available * GIB + 300 * MIB * len(running)) * 0.8
        assert found["total"] <= connections, found["arithmetic"]
        assert found["processes"] * 250 * MIB + found["total"] * 10 * MIB <= memory
        assert found["processes"] <= max(1, cores // 2)
        assert found["threads"] <= 25
        assert found["total"] + 10 * found["processes"] <= 200
        assert found["concurrency"] * max(1, len(running)) <= connections


@pytest.mark.parametrize("load", [BUSY, IDLE])
def test_what_is_kept_never_exceeds_a_limit(load):
    found = recommended(1, processes=[(400 * MIB, 25)], own={"memory": 459 * MIB}, load=load)
    assert (found["processes"], found["threads"]) == (1, 20), found["advice"]
    assert "What runs (1 x 25) exceeds a limit: 500 MiB of memory, limit 459 MiB." in found["advice"]
    found = recommended(processes=[(400 * MIB, 25)] * 4, own={"max_connections": 87}, load=load)
    assert (found["processes"], found["threads"]) == (4, 21), found["advice"]


def test_a_database_that_cannot_be_asked_allows_what_postgresql_allows_by_default():
    found = recommended(32, 64 * GIB, database="", own={"other_connections": None})
    assert found["total"] <= 100 - 3 - 20
    assert "assumed. Set tuning_max_connections" in str(found["arithmetic"])


@pytest.mark.parametrize(
    ("now", "kept"),
    [([20] * 4, 20), ([24] * 4, 24), ([25] * 4, 24), ([15] * 4, 24), ([20] * 3, 24), ([20, 20, 20, 10], 24)],
)
def test_a_few_threads_are_not_worth_a_restart(now, kept):
    assert recommended(processes=[(300 * MIB, threads) for threads in now])["threads"] == kept


def test_idle_threads_need_no_more():
    found = recommended(processes=[(400 * MIB, 25)], load=IDLE)
    assert (found["processes"], found["threads"], found["needed"], found["limits"]) == (1, 25, False, [])
    assert found["room"] == {"processes": 4, "threads": 24, "total": 96}
    assert found["advice"][:2] == [
        "Keep 1 x 25 threads. The host has room for 4 x 24 = 96.",
        "Load: 1 of 25 threads busy at the last heartbeat, no queue is late. More threads would not help, as the present ones"
        " are idle.",
    ]
    assert found["concurrency"] == 25


def test_the_load_can_be_ignored():
    found = recommended(processes=[(400 * MIB, 25)], load=IDLE, own={"consider_load": False})
    assert (found["processes"], found["threads"], found["needed"]) == (4, 24, True)
    assert "What there is room for, whatever the load (tuning_consider_load: false)." in found["advice"]


def test_an_idle_layout_of_one_s_own_is_kept_as_it_is():
    found = recommended(processes=[(400 * MIB, 20), (300 * MIB, 5)], load=Load(Crew(1, 25)))
    assert (found["processes"], found["threads"], found["total"], found["needed"]) == (2, 20, 25, False)
    assert found["advice"][0].startswith("Keep 20 + 5 threads.")


def test_fits():
    assert recommended()["fits"]
    found = recommended(available=0.3 * GIB)
    assert not found["fits"]
    assert found["units"] == []
    assert found["advice"][0] == "Not even one process of 5 threads has room here: no thread."
    assert "Limit: memory." in str(found["advice"])


def test_what_is_printed():
    found = recommended(
        around=WEB + STREAMING, processes=[(750 * MIB, 25)], redis=(70, 10000), own={"other_connections": None}
    )
    assert found["advice"] == [
        "Run 2 x 25 = 50 threads (processes x threads of each). Now: 1 x 25.",
        "Load: 25 of 25 threads busy at the last heartbeat; late: default 12 min (limit 5 s, 25 of its 25 threads busy)."
        " More threads help.",
        "A process keeps about one core busy, so more processes come before more threads.",
        "Limit: cores. With 4 cores for Sidekiq instead of 2: 4 x 19 = 76 threads instead of 50.",
        "mastodon-sidekiq.service starts Sidekiq with -c 25, which wins: concurrency in config/sidekiq.yml has no effect on this"
        " host.",
    ]
    assert found["arithmetic"] == [
        "Cores for Sidekiq: half of 4, at least 1 = 2, as the web server is on this host too.",
        "Memory for Sidekiq: (8.0 GiB available + 750 MiB that Sidekiq uses) x 0.8 = 7.0 GiB; the host has 16.0 GiB.",
        "Memory per thread: (750 MiB measured - 250 MiB per process) / 25 threads = 20 MiB.",
        "Connections to PostgreSQL: 100 - 3 (kept by PostgreSQL) - 10 (web 2 x 5) - 10 (streaming 1 x 10) = 77.",
        "Connections to Redis: 10000 - 35 of others = 9965; a process takes its threads + 10.",
        "2 x 25 = 50 threads need 1.5 GiB of memory, 50 connections to PostgreSQL and 70 to Redis.",
    ]


@pytest.mark.parametrize(("command", "ignored"), [("sidekiq -c 25", "-c 25, which wins"), ("sidekiq", "")])
def test_the_file_and_the_unit(command, ignored):
    found = recommended(stock=STOCK.replace("sidekiq -c 25", command), processes=[(300 * MIB, 5)])
    assert ignored in found["concurrency_ignored"] and bool(ignored) == bool(found["concurrency_ignored"])
    assert found["concurrency"] == 25  # for the one process that there is
