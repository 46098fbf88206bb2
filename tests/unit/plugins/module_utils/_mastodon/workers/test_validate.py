# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared: completed, or refused with the reason."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.validate import (
    Limits,
    declare,
    server_connections,
)

from .hosts import SIDEKIQ_YML, STOCK, facts

ALL = ["default", "push", "ingress", "mailers", "pull", "scheduler", "fasp"]
SPLIT = [
    {"name": "stock", "queues": ["default", "mailers", "scheduler", "fasp"], "threads": 10},
    {"name": "push", "queues": ["push"], "threads": 10},
    {"name": "pull", "queues": ["pull"], "threads": 10},
    {"name": "ingress", "queues": ["ingress"], "threads": 10},
]


def declared(entries, limits=None, elsewhere=None, **host):
    return declare(entries, read_host(facts(**host)), limits or Limits(), elsewhere or {})


def refusals(entries, *rest, **host):
    return " ".join(declared(entries, *rest, **host).refusals)


def changed(number, **values):
    return [{**entry, **(values if index == number else {})} for index, entry in enumerate(SPLIT)]


def test_the_stock_unit_alone_is_made_safe_and_nothing_else():
    found = declared([{"name": "stock"}])
    [worker] = found.workers
    assert found.refusals == ()
    assert worker.units == ("mastodon-sidekiq.service",)
    assert (worker.threads, worker.pool, worker.timeout, worker.stop) == (25, 25, 25, 35)
    assert (worker.set_threads, worker.set_pool, worker.set_timeout, worker.set_stop) == (False, False, False, True)
    assert worker.serves == tuple(ALL[:6]) + ("fasp",)


def test_a_stock_unit_with_time_enough_is_left_alone():
    [worker] = declared([{"name": "stock"}], stock=STOCK.replace("TimeoutSec=15", "TimeoutSec=60")).workers
    assert (worker.stop, worker.set_stop) == (60, False)


def test_four_units():
    found = declared(SPLIT)
    assert found.refusals == ()
    assert [worker.units for worker in found.workers][1] == ("mastodon-sidekiq-push.service",)
    assert [worker.pool for worker in found.workers] == [10] * 4
    assert (
        found.connections
        == "stock 1 x 10 + push 1 x 10 + pull 1 x 10 + ingress 1 x 10 + kept by PostgreSQL 3 = 43 of 100"
    )


def test_instances_are_numbered():
    found = declared([{"name": "stock"}, {"name": "pull", "queues": ["pull"], "instances": 3, "threads": 5}])
    assert found.workers[1].units == (
        "mastodon-sidekiq-pull.service",
        "mastodon-sidekiq-pull-2.service",
        "mastodon-sidekiq-pull-3.service",
    )
    assert found.refusals == ()


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (changed(0, queues=["default", "mailers", "fasp"]), "No worker serves scheduler"),
        (
            changed(1, queues=["push", "scheduler"]),
            "scheduler would be served by 2 processes: mastodon-sidekiq.service",
        ),
        (changed(0, instances=2), "scheduler would be served by 2 processes"),
        (SPLIT[:3], "No worker serves ingress: jobs there would wait for ever"),
        (changed(0, queues=["default", "scheduler"]), "No worker serves mailers and fasp"),
        ([], "No worker serves default, push"),
        (changed(1, db_pool=9), "Worker push has 10 threads and a DB pool of 9"),
        (changed(1, threads=90), "= 123 connections to PostgreSQL, whose max_connections is 100"),
        (changed(1, stop_timeout=25), "Worker push: systemd would kill it 25 s after the stop, and Sidekiq waits 25 s"),
        (changed(1, timeout=60, stop_timeout="1min"), "Set stop_timeout to 65 or more"),
        (changed(1, stop_timeout="soon"), "stop_timeout is 'soon'"),
        (changed(1, threads=0), "has no threads"),
        (changed(1, name="push it"), "'push it' is no name"),
        (changed(1, name="pull"), "mastodon-sidekiq-pull.service would be written more than once, for pull."),
        (changed(1, queues=["push", "export"]), "Mastodon has no queue export; what is meant is in pull"),
        (changed(1, queues=["push", "push,2"]), "names push twice"),
        (changed(1, queues=[{"name": "push", "weigth": 2}]), "is no queue"),
        (changed(1, queues=["push,no"]), "is no queue"),
        (changed(1, queues=["push -r /tmp/x"]), "is no queue"),
        (changed(1, memory_max="lots"), "memory_max is 'lots'"),
        (changed(1, environment={"DB_POOL": "4"}), "set db_pool, not DB_POOL"),
        (changed(1, environment={"A-B": "4"}), "'A-B' is no name of a variable"),
        (changed(1, environment={"A": "1\n2"}), "must be one line"),
    ],
)
def test_refused(entries, said):
    assert said in refusals(entries)


@pytest.mark.parametrize(
    ("stop", "refused"), [("29s", True), ("30s", False), ("1w", False), ("infinity", False), (0, False)]
)
def test_the_stop_timeout_at_which_jobs_are_lost(stop, refused):
    """Sidekiq waits 25 s, and needs up to 5 s more to push jobs back."""
    assert ("They would be lost" in refusals(changed(1, stop_timeout=stop))) == refused


@pytest.mark.parametrize(("limit", "warned"), [("1G", True), ("infinity", False), (None, False)])
def test_only_a_limit_of_memory_is_warned_of(limit, warned):
    warnings = declared(changed(1, memory_max=limit) if limit else SPLIT).warnings
    assert any("is killed, and its running jobs with it" in warning for warning in warnings) == warned


def test_jemalloc_that_is_not_there():
    assert "jemalloc is not installed" in refusals(changed(1, jemalloc=True), libraries="")
    assert refusals(changed(1, jemalloc=True)) == ""
    assert refusals(changed(1, jemalloc=False), libraries="") == ""


def test_fasp_came_with_4_4():
    entries = changed(0, queues=["default", "mailers", "scheduler"])
    assert "fasp" in refusals(entries, release=(4, 4))
    assert "fasp" in refusals(entries, release=None)
    assert refusals(entries, release=(4, 3)) == ""


def test_other_hosts():
    entries = SPLIT[1:]
    assert "No worker serves default, mailers and fasp" in refusals(entries)
    assert refusals(entries, Limits(elsewhere=("default", "mailers", "scheduler", "fasp"))) == ""
    seen = {queue: ["other:1:a"] for queue in ("default", "mailers", "scheduler", "fasp")}
    assert refusals(entries, Limits(), seen) == ""
    assert "served by 2 processes: mastodon-sidekiq.service and other:1:a" in refusals(SPLIT, Limits(), seen)
    assert "another host" in refusals(SPLIT, Limits(elsewhere=("scheduler",)))


@pytest.mark.parametrize(
    ("release", "dotenv", "unit", "pool"),
    [
        ((4, 5), "", "DB_POOL=25", 25),
        ((4, 5), "DB_POOL=7", "DB_POOL=25", 25),
        ((4, 5), "DB_POOL=7", "A=1", 7),
        ((4, 5), "", "A=1", 25),
        ((4, 2), "", "A=1", 5),
        ((4, 2), "MAX_THREADS=8", "A=1", 8),
    ],
)
def test_the_pool_of_a_unit_that_does_not_say(release, dotenv, unit, pool):
    [worker] = declared(
        [{"name": "stock"}], release=release, dotenv=dotenv, stock=STOCK.replace("DB_POOL=25", unit)
    ).workers
    assert worker.pool == pool


def test_a_small_pool_of_the_stock_unit_is_refused():
    assert "a DB pool of 5" in refusals([{"name": "stock"}], stock=STOCK.replace("DB_POOL=25", "DB_POOL=5"))


@pytest.mark.parametrize(
    ("stock", "config", "threads"),
    [
        ("-c 25", "", 25),
        ("", ":concurrency: 12", 12),
        ("", "", 5),
        ("-c ${DB_POOL}", ":concurrency: 12", 25),
    ],
)
def test_threads_of_a_unit_that_does_not_say(stock, config, threads):
    [worker] = declared([{"name": "stock"}], stock=STOCK.replace("-c 25", stock), sidekiq_yml=config).workers
    assert worker.threads == threads


@pytest.mark.parametrize(
    ("stock", "config", "said"),
    [
        (
            "-c ${NOTHING}",
            "",
            "threads of mastodon-sidekiq.service is not known, so it must be declared. -c has the value ''",
        ),
        ("", ":concurrency: <%= Etc.nprocessors %>", "line 1"),
        ("-c 25", ":queues: *some", "queues of mastodon-sidekiq.service is not known"),
        ("-c 25", ":queues: [default]\n:capsules: *some", "Which capsules a Sidekiq of this host has is not known"),
    ],
)
def test_what_nobody_can_know_is_refused_and_not_guessed(stock, config, said):
    host = {"stock": STOCK.replace("-c 25", stock), "sidekiq_yml": config}
    found = declared([{"name": "stock"}], **host)
    assert said in " ".join(found.refusals) and "No worker serves" not in " ".join(found.refusals)


def test_what_is_declared_need_not_be_known():
    host = {"sidekiq_yml": ":queues: *some", "stock": STOCK.replace("-c 25", "")}
    entry = {"name": "stock", "threads": 5, "queues": ALL}
    assert declared([entry], **host).refusals == ()


CAPSULE = (
    SIDEKIQ_YML.replace("  - scheduler\n", "")
    + ":capsules:\n  single:\n    :concurrency: 1\n    :queues: [scheduler]\n"
)


def test_a_capsule_serves_the_scheduler():
    """Its queues and threads are not in -q and -c, and every process has it."""
    found = declared([{"name": "stock", "db_pool": 26}], sidekiq_yml=CAPSULE)
    assert found.refusals == ()
    [worker] = found.workers
    assert (worker.threads, worker.all_threads) == (25, 26) and "scheduler" in worker.serves
    two = refusals(
        [{"name": "stock", "db_pool": 26}, {"name": "pull", "queues": ["pull"], "threads": 5}], sidekiq_yml=CAPSULE
    )
    assert "scheduler would be served by 2 processes" in two
    assert "26 threads (1 of them in capsules) and a DB pool of 25" in refusals(
        [{"name": "stock"}], sidekiq_yml=CAPSULE
    )


ENVIRONMENT_FILE = STOCK.replace("[Install]", "EnvironmentFile=/etc/default/mastodon\n[Install]")


def test_the_pool_of_an_environment_file():
    files = {"/etc/default/mastodon": {"DB_POOL": "5"}}
    assert "25 threads and a DB pool of 5" in refusals(
        [{"name": "stock"}], stock=ENVIRONMENT_FILE, environment_files=files
    )


def test_a_variable_that_a_file_sets_cannot_be_declared():
    files = {"/etc/default/mastodon": {"REDIS_URL": "redis://"}}
    entry = {"name": "stock", "environment": {"REDIS_URL": "redis://other"}}
    assert "REDIS_URL is set in /etc/default/mastodon, which wins" in refusals(
        [entry], stock=ENVIRONMENT_FILE, environment_files=files
    )


def test_max_connections_that_nobody_could_read():
    found = declared(SPLIT, database="")
    assert found.refusals == ()
    assert "Set workers_max_connections" in found.warnings[0]
    assert "max_connections is 39" in refusals(SPLIT, Limits(max_connections=39), database="")


def test_pgbouncer():
    found = declared(changed(1, threads=90), dotenv="PREPARED_STATEMENTS=false")
    assert found.refusals == ()
    assert any("PgBouncer" in warning for warning in found.warnings)


WEB = "Id=mastodon-web.service\nLoadState=loaded\nActiveState=active\nType=simple\nEnvironment=PORT=3000 WEB_CONCURRENCY=4\n"
STREAMING = "\nId=mastodon-streaming@4000.service\nLoadState=loaded\nActiveState=active\nType=simple\n"
WRAPPER = "\nId=mastodon-streaming.service\nLoadState=loaded\nActiveState=active\nType=oneshot\n"


@pytest.mark.parametrize(
    ("around", "dotenv", "wanted"),
    [
        ("", "", []),
        (WEB + STREAMING + WRAPPER, "", [(20, "web 4 x 5"), (10, "streaming 1 x 10")]),
        (WEB, "MAX_THREADS=8\nWEB_CONCURRENCY=9", [(32, "web 4 x 8")]),
        (WEB + STREAMING, "DB_POOL=12", [(48, "web 4 x 12"), (12, "streaming 1 x 12")]),
        (WEB.replace("=loaded", "=not-found"), "", []),
    ],
)
def test_what_else_connects(around, dotenv, wanted):
    host = read_host(facts(around=around, dotenv=dotenv))
    assert server_connections(host.web, host.streaming) == wanted


def test_more_than_25_threads_are_a_warning():
    found = declared([{"name": "stock", "threads": 40}])
    assert found.refusals == ()
    assert any("40 threads in one process" in warning for warning in found.warnings)


def test_one_exporter_on_one_port():
    entries = SPLIT
    assert any(
        "EXPORTER" in warning
        for warning in declared(entries, dotenv="MASTODON_PROMETHEUS_EXPORTER_LOCAL=true").warnings
    )
