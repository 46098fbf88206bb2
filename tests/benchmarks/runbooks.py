# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each runbook costs on a host on which there is nothing to repair, beside a ping of the same host."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.fediverse.mastodon.tests.benchmarks import playbook
from ansible_collections.fediverse.mastodon.tests.benchmarks.table import table, verdict

_LAB = pathlib.Path(__file__).resolve().parents[1] / "lab/hosts.py"
_HOST = "bench13"
_PING = playbook.repeated([{"name": "ping", "ansible.builtin.ping": {}}], 1)
_DAILY_ROLES = ("prerequisites", "redis", "workers", "export_storage", "restart")
_DAILY: list[dict[str, Any]] = [
    {
        "hosts": "all",
        "gather_facts": False,
        "become": True,
        "roles": [f"fediverse.mastodon.{role}" for role in _DAILY_ROLES],
    }
]


@dataclasses.dataclass(frozen=True)
class Runbook:
    """A playbook as somebody runs it. Goals: at most so many times a play with one ping, at most so many tasks on the host."""

    name: str
    play: str | Sequence[Mapping[str, Any]]
    arguments: tuple[str, ...] = ()
    ratio: float | None = None
    on_host: int | None = None


def _of(name: str, *arguments: str, ratio: float | None = None) -> Runbook:
    flags = [word for word in arguments if word.startswith("--")]
    return Runbook(" ".join([name, *flags]), f"fediverse.mastodon.{name}", arguments, ratio)


RUNBOOKS = (
    _of("health", ratio=2.0),
    _of("export_schedule", ratio=2.5),
    _of("federation_rescue", ratio=3.5),
    _of("export_rescue", "--check", ratio=4.0),
    _of("restart", ratio=4.0),
    _of("workers", ratio=4.0),
    # Between its two readings it waits for 30 s unless told otherwise.
    _of("backlog_recovery", "--check", "-e", "backlog_recovery_measure=1"),
    _of("tuning"),
    Runbook(f"{len(_DAILY_ROLES)} roles: {', '.join(_DAILY_ROLES)}", _DAILY, on_host=25),
)


def runbooks(turns: int) -> str:
    """Each runbook over ssh on a host with nothing to repair, and a play with one ping on the same host, in turns."""
    turns = max(3, turns // 5)
    with playbook.controller() as controller, _lab_host() as hosts:
        for runbook in RUNBOOKS:  # the first time they put things in order, and fill the caches
            controller.run(runbook.play, hosts, [word for word in runbook.arguments if word != "--check"])
        rows = [_row(runbook, *_measure(controller, hosts, runbook, turns)) for runbook in RUNBOOKS]
    head = (
        "runbook",
        "a ping takes",
        "it takes",
        f"ratio, {turns} turns",
        "tasks on the host",
        "on the controller",
        "goal",
    )
    return table(head, rows)


@contextlib.contextmanager
def _lab_host() -> Iterator[dict[str, dict[str, Any]]]:
    """A Debian with systemd, Redis, PostgreSQL and Sidekiq, as the hosts of an inventory."""

    def lab(*words: str) -> str:
        return subprocess.run(
            [sys.executable, str(_LAB), *words], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.strip()

    lab("up", _HOST, "--postgresql")
    try:
        reached = {"ansible_connection": "ssh", "ansible_ssh_common_args": f"-F {lab('ssh-config')}"}
        yield {_HOST: {**reached, "ansible_python_interpreter": "/usr/bin/python3"}}
    finally:
        lab("down", _HOST)


def _measure(
    controller: playbook.Controller, hosts: Mapping[str, Mapping[str, Any]], runbook: Runbook, turns: int
) -> tuple[list[float], list[playbook.Durations]]:
    """Seconds of the pings, and what the runbook took, in pairs whose order changes."""
    pings: list[float] = []
    taken: list[playbook.Durations] = []
    for turn in range(turns):
        if turn % 2:
            pings.append(controller.run(_PING, hosts).play)
        taken.append(controller.run(runbook.play, hosts, runbook.arguments))
        if not turn % 2:
            pings.append(controller.run(_PING, hosts).play)
    return pings, taken


def _row(runbook: Runbook, pings: Sequence[float], taken: Sequence[playbook.Durations]) -> tuple[str, ...]:
    ratio = statistics.median(one.play / ping for ping, one in zip(pings, taken))
    last = taken[-1]
    goals = []
    if runbook.ratio is not None:
        goals.append(f"at most {runbook.ratio}: {verdict(ratio <= runbook.ratio)}")
    if runbook.on_host is not None:
        goals.append(f"at most {runbook.on_host} on the host: {verdict(last.on_host <= runbook.on_host)}")
    return (
        runbook.name,
        f"{statistics.median(pings):.2f} s",
        f"{statistics.median(one.play for one in taken):.2f} s",
        f"{ratio:.2f}",
        str(last.on_host),
        str(last.on_controller),
        ", ".join(goals),
    )
