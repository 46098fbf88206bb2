# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whether what runs, by Sidekiq's own word in Redis, is what was declared."""

from __future__ import annotations

import typing as t

Process = t.Mapping[str, t.Any]
Worker = t.Mapping[str, t.Any]


def verdict(
    expected: t.Mapping[str, t.Any],
    processes: t.Sequence[Process],
    workers: t.Sequence[Worker],
    only: t.Collection[str] = (),
) -> list[str]:
    """What is not as it should be, in sentences; empty when all is well. `workers`: as mastodon_info returns them.

    `only`: look at these units and at nothing else, as in the midst of a change.
    """
    alive = {process["identity"]: process for process in processes if process["alive"]}
    running = {worker["name"]: worker for worker in workers if worker["running"]}
    problems: list[str] = []
    for wanted in expected["workers"]:
        if not only or wanted["unit"] in only:
            problems += _worker(wanted, running.get(wanted["unit"]), alive)
    if only:
        return problems
    problems += [f"{identity} should be gone and still runs." for identity in expected["gone"] if identity in alive]
    return problems + _all_together(expected, [process for process in alive.values() if not process["quiet"]])


def _worker(wanted: t.Mapping[str, t.Any], worker: Worker | None, alive: t.Mapping[str, Process]) -> list[str]:
    unit = wanted["unit"]
    if worker is None:
        return [f"{unit} does not run: journalctl -u {unit}"]
    found = [one for one in worker["processes"] if one["identity"] in alive]
    if not found:
        return [f"{unit} (pid {worker['main_pid']}) has not reported to Redis: journalctl -u {unit}"]
    return [
        f"{unit} (pid {one['pid']}) {problem}."
        for one in found
        for problem in (*_process(wanted, alive[one["identity"]]), *_pool(wanted, one))
    ]


def _pool(wanted: t.Mapping[str, t.Any], process: Process) -> t.Iterator[str]:
    """Its environment is not always readable; where it is, what was meant must have won."""
    if wanted["db_pool"] is not None and process["db_pool"] not in (None, wanted["db_pool"]):
        yield f"was started with DB_POOL={process['db_pool']} instead of {wanted['db_pool']}"


def _process(wanted: t.Mapping[str, t.Any], process: Process) -> t.Iterator[str]:
    if process["quiet"]:
        yield "is quiet"
    if process["concurrency"] != wanted["threads"]:
        yield f"has {process['concurrency']} threads instead of {wanted['threads']}"
    if set(process["queues"]) != set(wanted["queues"]):
        yield f"serves {', '.join(process['queues']) or 'nothing'} instead of {', '.join(wanted['queues'])}"
    elif wanted["weights"] and process["weights"] and not _same_weights(wanted["weights"], process["weights"]):
        yield f"has the weights {process['weights']} instead of {wanted['weights']}"


def _same_weights(wanted: t.Mapping[str, int], found: t.Mapping[str, int]) -> bool:
    """The queues of capsules are not declared, and have weights of their own."""
    return all(found.get(queue) == weight for queue, weight in wanted.items())


def _all_together(expected: t.Mapping[str, t.Any], working: t.Sequence[Process]) -> list[str]:
    served = {queue for process in working for queue in process["queues"]} | set(expected["elsewhere"])
    problems = [f"No process serves {queue}." for queue in expected["required"] if queue not in served]
    schedulers = [process["identity"] for process in working if "scheduler" in process["queues"]]
    if len(schedulers) > 1:
        problems.append(f"{len(schedulers)} processes serve scheduler: {', '.join(schedulers)}.")
    return problems
