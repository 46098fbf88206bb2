# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whether what runs, by Sidekiq's own word in Redis, is what was declared."""

from __future__ import annotations

import typing as t

Process = t.Mapping[str, t.Any]


def verdict(
    expected: t.Mapping[str, t.Any],
    processes: t.Sequence[Process],
    pids: t.Mapping[str, int],
    only: t.Collection[str] = (),
) -> list[str]:
    """What is not as it should be, in sentences; empty when all is well. C(pids): main process by unit.

    C(only): look at these units and at nothing else, as in the midst of a change.
    """
    alive = [process for process in processes if process["alive"]]
    here = {process["pid"]: process for process in alive if process["hostname"] == expected["nodename"]}
    problems: list[str] = []
    for worker in expected["workers"]:
        if not only or worker["unit"] in only:
            problems += _worker(worker, pids.get(worker["unit"], 0), here)
    if only:
        return problems
    problems += [
        f"{process['identity']} should be gone and still runs."
        for process in alive
        if process["identity"] in expected["gone"]
    ]
    return problems + _all_together(expected, [process for process in alive if not process["quiet"]])


def _worker(worker: t.Mapping[str, t.Any], pid: int, here: t.Mapping[int, Process]) -> list[str]:
    unit = worker["unit"]
    if not pid:
        return [f"{unit} does not run: journalctl -u {unit}"]
    process = here.get(pid)
    if process is None:
        return [f"{unit} (pid {pid}) has not reported to Redis: journalctl -u {unit}"]
    problems = []
    if process["quiet"]:
        problems.append("is quiet")
    if process["concurrency"] != worker["threads"]:
        problems.append(f"has {process['concurrency']} threads instead of {worker['threads']}")
    if set(process["queues"]) != set(worker["queues"]):
        problems.append(f"serves {', '.join(process['queues']) or 'nothing'} instead of {', '.join(worker['queues'])}")
    elif worker["weights"] and process["weights"] and process["weights"] != worker["weights"]:
        problems.append(f"has the weights {process['weights']} instead of {worker['weights']}")
    return [f"{unit} (pid {pid}) {problem}." for problem in problems]


def _all_together(expected: t.Mapping[str, t.Any], working: t.Sequence[Process]) -> list[str]:
    served = {queue for process in working for queue in process["queues"]} | set(expected["elsewhere"])
    problems = [f"No process serves {queue}." for queue in expected["required"] if queue not in served]
    schedulers = [process["identity"] for process in working if "scheduler" in process["queues"]]
    if len(schedulers) > 1:
        problems.append(f"{len(schedulers)} processes serve scheduler: {', '.join(schedulers)}.")
    return problems
