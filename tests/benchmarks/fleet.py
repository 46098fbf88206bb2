# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the playbook health grows with its hosts, beside a ping of the same hosts."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Mapping
from typing import Any

from ansible_collections.fediverse.mastodon.tests.benchmarks import playbook
from ansible_collections.fediverse.mastodon.tests.benchmarks.table import table, verdict
from ansible_collections.fediverse.mastodon.tests.instance import heartbeat, server, situations

HOSTS = (1, 5, 10, 20)
ALLOWED_RATIO = 1.1
"""By how much health may grow more than ping: the noise between two runs."""
_PING = playbook.repeated([{"name": "ping", "ansible.builtin.ping": {}}], 1)
_HEALTH = "fediverse.mastodon.health"


def fleet(turns: int) -> str:
    """The playbook health over 1 to 20 hosts, each with a database of its own, and a play with a ping over the same."""
    turns = max(3, turns // 5)
    with contextlib.ExitStack() as stack:
        controller = stack.enter_context(playbook.controller())
        options = ("--databases", str(max(HOSTS)), "--save", "3600 1", "--shutdown-on-sigterm", "nosave")
        running = stack.enter_context(server.running(*options))
        hosts = {}
        for db in range(max(HOSTS)):
            client = stack.enter_context(contextlib.closing(running.client(db)))
            stack.enter_context(heartbeat.kept_alive(client, situations.healthy(client), every=5.0))
            hosts[f"host-{db}.example"] = {"redis_url": f"unix://{running.socket}?db={db}"}
        measured = _measure(controller, hosts, turns)
    return _table(measured, turns)


def _measure(
    controller: playbook.Controller, hosts: Mapping[str, Mapping[str, Any]], turns: int
) -> dict[int, list[tuple[float, float]]]:
    """(ping, health) in seconds of a whole play, by the number of hosts."""
    measured: dict[int, list[tuple[float, float]]] = {number: [] for number in HOSTS}
    for turn in range(turns):
        for number in HOSTS:
            some = dict(list(hosts.items())[:number])
            first, second = (_PING, _HEALTH) if turn % 2 else (_HEALTH, _PING)
            one, other = controller.run(first, some).play, controller.run(second, some).play
            measured[number].append((one, other) if turn % 2 else (other, one))
    return measured


def _table(measured: Mapping[int, list[tuple[float, float]]], turns: int) -> str:
    least = min(HOSTS)
    rows = []
    for number, pairs in measured.items():
        ping, health = (statistics.median(column) for column in zip(*pairs))
        row = [str(number), f"{ping:.2f} s", f"{health:.2f} s", f"{statistics.median(h / p for p, h in pairs):.2f}"]
        if number == least:
            rows.append([*row, "1", "1", ""])
            continue
        grown = [
            (ping / ping_of_one, health / health_of_one)
            for (ping_of_one, health_of_one), (ping, health) in zip(measured[least], pairs)
        ]
        ratio = statistics.median(health / ping for ping, health in grown)
        growths = [f"{statistics.median(column):.2f}" for column in zip(*grown)]
        goal = f", at most {ALLOWED_RATIO}: {verdict(ratio <= ALLOWED_RATIO)}" if number == max(HOSTS) else ""
        rows.append([*row, *growths, f"{ratio:.2f}{goal}"])
    head = (
        "hosts",
        "ping",
        "health",
        "health / ping",
        "ping grew by",
        "health grew by",
        f"ratio of both, {turns} turns",
    )
    return table(head, rows)
