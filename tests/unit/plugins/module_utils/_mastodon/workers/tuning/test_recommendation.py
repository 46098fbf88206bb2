# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of tuning."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.recommendation import (
    MIB,
    Machine,
    Preferences,
    recommend,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.validate import Limits, declare

from ..hosts import STOCK, facts

GIB = 1024 * MIB
WEB = "Id=mastodon-web.service\nLoadState=loaded\nActiveState=active\nType=simple\nEnvironment=WEB_CONCURRENCY=2\n"


def recommended(cores=4, available=8 * GIB, processes=(), redis=None, preferences=None, limits=None, **host):
    machine = Machine(cores, 16 * GIB, int(available), tuple(processes), redis)
    return recommend(read_host(facts(**host)), machine, Preferences(**(preferences or {})), limits or Limits())


@pytest.mark.parametrize(
    ("what", "values", "processes", "threads"),
    [
        ("a process for each core, and what 97 connections allow", {}, 4, 24),
        ("the web server has half of them, and its connections", {"around": WEB}, 2, 25),
        ("one core", {"cores": 1}, 1, 25),
        ("never more than 25 in one process", {"cores": 1, "database": "max_connections|500"}, 1, 25),
        ("unless asked", {"cores": 1, "preferences": {"threads_max": 40}, "database": "max_connections|500"}, 1, 40),
        ("more than one process before more than 25 threads", {"cores": 2, "preferences": {"threads_max": 25}}, 2, 25),
        ("1.5 GiB: 1229 MiB / 3 - 250 = 159 for 15 threads of 10", {"available": 1.5 * GIB}, 3, 15),
        ("little memory: one process of 250 + 15 x 10", {"available": 0.5 * GIB}, 1, 15),
        ("hardly any: said by fits", {"available": 0.3 * GIB}, 1, 1),
        ("30 connections - 3", {"database": "max_connections|30\nsuperuser_reserved_connections|3"}, 3, 9),
        ("nobody knows the database", {"database": ""}, 4, 25),
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


def test_it_is_what_the_role_workers_accepts():
    for cores in (1, 2, 3, 6):
        host = read_host(facts(around=WEB))
        found = recommended(cores=2 * cores, around=WEB)
        declared = declare(found["units"], host, Limits(), {})
        assert declared.refusals == ()
        assert sum(len(worker.units) for worker in declared.workers) == found["processes"]


def test_layout():
    assert [unit["name"] for unit in recommended(cores=1)["units"]] == ["stock"]
    assert [unit["name"] for unit in recommended(cores=2)["units"]] == ["stock", "2"]
    assert [unit["name"] for unit in recommended(cores=4)["units"]] == ["stock", "pull", "2", "3"]
    stock, _pull, second, _third = recommended(cores=4)["units"]
    assert {"name": "scheduler", "weight": 1} in stock["queues"]
    assert {"name": "scheduler", "weight": 1} not in second["queues"]
    assert "fasp" not in str(recommended(release=(4, 3))["units"])


def test_fits():
    assert recommended()["fits"]
    assert not recommended(available=0.3 * GIB)["fits"]


def test_the_arithmetic_is_shown():
    assert recommended(around=WEB, processes=[(750 * MIB, 25)], redis=(70, 10000))["arithmetic"] == [
        "Cores for Sidekiq: half of 4, at least 1 = 2; the web server is here too.",
        "Memory for Sidekiq: (8192 MiB available + 750 MiB that it has) x 0.8 = 7154 MiB; the host has 16384 MiB.",
        "Memory per thread: (750 MiB measured - 250 MiB for the process) / 25 threads = 20 MiB.",
        "Connections to PostgreSQL: 100 - web 2 x 5 - kept by PostgreSQL 3 = 87.",
        "Connections to Redis: 10000 - 35 of others = 9965; a process takes its threads + 10.",
        "2 processes x 25 threads = 50 threads: 1500 MiB of memory, 50 connections to PostgreSQL, 70 to Redis.",
    ]


@pytest.mark.parametrize(
    ("now", "kept"),
    [([20] * 4, 20), ([24] * 4, 24), ([25] * 4, 24), ([15] * 4, 24), ([20] * 3, 24), ([20, 20, 20, 10], 24)],
)
def test_a_few_threads_are_not_worth_a_restart(now, kept):
    assert recommended(processes=[(300 * MIB, threads) for threads in now])["threads"] == kept


@pytest.mark.parametrize(
    ("command", "void", "said"), [("sidekiq -c 25", True, "-c 25, which wins"), ("sidekiq", False, "")]
)
def test_the_file_and_the_unit(command, void, said):
    found = recommended(stock=STOCK.replace("sidekiq -c 25", command), processes=[(300 * MIB, 5)])
    assert found["file_is_void"] is void
    assert said in found["void_because"]
    assert found["concurrency"] == 25  # for the one process that there is
