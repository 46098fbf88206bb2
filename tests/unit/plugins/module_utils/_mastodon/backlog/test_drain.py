# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transient units: the stock unit's own words, and what must be different; no secret on a command line."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.backlog.drain import DrainRequest, plan_drain
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.tests.unit.plugins.module_utils._mastodon.workers.hosts import (
    STOCK,
    facts,
    installation,
)

GIB = 1024**3


def plan(stock=STOCK, queues=("push",), workers=1, threads=10, connections=100, memory=8 * GIB):
    request = DrainRequest(queues, workers, threads, GIB, 2000)
    return plan_drain(read_host(facts(stock)), request, connections, memory)


def test_what_is_kept_and_what_is_different():
    stock = STOCK.replace(
        "Restart=always", 'Restart=always\nEnvironment="SECRET=a\\"b$c"\nEnvironmentFile=-/etc/mastodon'
    )
    [unit] = plan(stock)["units"]
    argv = unit["argv"]
    assert argv[:2] == ["systemd-run", "--quiet"]
    assert "--unit=mastodon-drain-1.service" in argv
    properties = [argv[at + 1] for at, word in enumerate(argv) if word == "-p"]
    assert properties[:5] == [
        "User=mastodon",
        "WorkingDirectory=/home/mastodon/live",
        "EnvironmentFile=-/etc/mastodon",
        "ProtectSystem=strict",
        "ReadWritePaths=/home/mastodon/live",
    ]
    assert properties[5:] == [
        "EnvironmentFile=/run/mastodon-drain-1.env",
        "TimeoutStopSec=35",
        f"MemoryMax={GIB}",
        "RuntimeMaxSec=2000",
    ]
    command = argv[argv.index("--") + 1 :]
    assert command == [
        "/home/mastodon/.rbenv/shims/bundle",
        "exec",
        "sidekiq",
        "-g",
        "mastodon-drain",
        "-c",
        "10",
        "-t",
        "25",
        "-q",
        "push",
    ]
    assert not any("SECRET" in word for word in argv)
    assert 'DB_POOL="10"\n' in unit["environment"]
    assert 'SECRET="a\\"b\\$c"\n' in unit["environment"]


@pytest.mark.parametrize(
    ("connections", "memory", "units", "threads", "said"),
    [
        (100, 8 * GIB, 2, 20, ""),
        (None, None, 2, 20, "could not be asked"),
        (15, 8 * GIB, 2, 10, "5 threads a worker instead of 10"),
        (6, 8 * GIB, 0, 0, "only 6 free connections"),
        (100, GIB, 1, 10, "1 workers instead of 2"),
        (100, GIB - 1, 0, 0, "too few for a worker"),
    ],
)
def test_room(connections, memory, units, threads, said):
    found = plan(workers=2, connections=connections, memory=memory)
    assert (len(found["units"]), found["threads"]) == (units, threads)
    assert said in " ".join(found["warnings"] + found["refusals"])


def test_a_name_that_another_instance_uses_is_not_taken():
    foreign = installation({}, foreign=["mastodon-drain-1.service", "mastodon-drain-3.service"])
    host = read_host(facts(STOCK, installed=foreign))
    units = plan_drain(host, DrainRequest(("push",), 2, 10, GIB, 2000), 100, 8 * GIB)["units"]
    assert [unit["name"] for unit in units] == ["mastodon-drain-2.service", "mastodon-drain-4.service"]
    assert [unit["file"] for unit in units] == ["/run/mastodon-drain-2.env", "/run/mastodon-drain-4.env"]


def test_never_the_scheduler():
    with pytest.raises(BadOption, match="scheduler"):
        plan(queues=("push", "scheduler"))


def test_words_that_mean_something_else_to_systemd():
    with pytest.raises(BadOption, match=r"\$ or %"):
        plan(STOCK.replace("-c 25", "-c 25 -C ${CONFIG}"))


def test_a_tag_of_its_own():
    host = read_host(facts(STOCK))
    [unit] = plan_drain(host, DrainRequest(("pull",), 1, 5, GIB, 2000, "mastodon-archives"), 100, 8 * GIB)["units"]
    assert (unit["name"], unit["file"]) == ("mastodon-archives-1.service", "/run/mastodon-archives-1.env")
    assert unit["argv"][unit["argv"].index("-g") + 1] == "mastodon-archives"


@pytest.mark.parametrize("tag", ["", "../x", "a b", "mastodon-*"])
def test_a_tag_that_is_none(tag):
    with pytest.raises(BadOption, match="tag"):
        plan_drain(read_host(facts(STOCK)), DrainRequest(("pull",), 1, 5, GIB, 2000, tag), 100, 8 * GIB)
