# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""From the declared workers and the host as it is to what the role does: files, moves, what is enabled and what goes."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ..installation.effective import DEFAULT_TIMEOUT
from ..installation.systemd.leftovers import STOP_TIMEOUT_DROP_IN
from ..installation.systemd.unit_file import Unit
from .host import DROP_IN, Found, Host
from .render import FOLDER, File, write
from .rolling_order import Move, order
from .validate import HARD_SHUTDOWN, Declared, Limits, Worker, declare

Process = t.Mapping[str, t.Any]
"""A process as fediverse.mastodon.sidekiq_info returns it."""


def plan_workers(
    entries: t.Sequence[t.Mapping[str, t.Any]],
    host: Host,
    limits: Limits,
    processes: t.Sequence[Process] = (),
    take_over: bool = False,
) -> dict[str, t.Any]:
    """`processes`: what Sidekiq says of itself in Redis. See the filter fediverse.mastodon._workers_plan for what is
    returned. Raises BadOption when the stock unit cannot be used at all."""
    own, outside = _sort(processes, host)
    declared = declare(entries, host, limits, outside)
    foreign_units = [name for name, found in host.units.items() if not found.own and name != host.stock_name]
    files = [write(worker, unit, host) for worker in declared.workers for unit in worker.units]
    moves = _moves(declared, files, host, own, [*limits.elsewhere, *outside])
    wanted = {unit for worker in declared.workers for unit in worker.units}
    gone = [found for name, found in sorted(host.units.items()) if name not in wanted]
    touched = {
        *(unit for move in moves for unit in move.down),
        *(found.unit.name for found in gone),
        *(file.unit for file in files if file.unit in foreign_units),
    }
    refusals = [
        *declared.refusals,
        *_taken(declared, host),
        *([] if take_over else map(_foreign_unit, sorted(foreign_units))),
        *(_doubtful(reason) for unit, reason in sorted(host.doubts.items()) if unit in touched),
    ]
    return {
        "refusals": refusals,
        "warnings": list(declared.warnings),
        "connections": declared.connections,
        "files": [
            {**asdict(file), "drop_in": file.path.endswith(DROP_IN), "backup": file.unit in foreign_units}
            for file in files
        ],
        "reload": any(found.stale for found in host.units.values()),
        "stop_timeouts": _longer_stop_timeouts(moves, declared, host),
        "moves": [_shown(move, own) for move in moves],
        "enable": sorted(unit for unit in wanted if not (unit in host.units and host.units[unit].enabled)),
        "disable": [found.unit.name for found in gone if found.enabled],
        "remove": [found.file.path for found in gone if found.own] + _drop_ins(gone, host),
        "set_aside": sorted({found.file.path for found in gone if _is_set_aside(found, host)}),
        "leftovers": [
            part.path for found in host.units.values() for part in found.unit.parts if part.name == STOP_TIMEOUT_DROP_IN
        ],
        "expected": {
            "workers": [_expected(worker, unit) for worker in declared.workers for unit in worker.units],
            "required": list(declared.required),
            "elsewhere": list(limits.elsewhere),
            "gone": [process["identity"] for found in gone for process in own.get(found.unit.name, ())],
        },
        "summary": [_sentence(move) for move in moves],
    }


def _sort(processes: t.Sequence[Process], host: Host) -> tuple[dict[str, list[Process]], dict[str, list[str]]]:
    """The processes of the units of this host, and of all others by queue. One that was killed is neither."""
    units = {identity: name for name, found in host.identities.items() for identity in found if name in host.units}
    own: dict[str, list[Process]] = {}
    outside: dict[str, list[str]] = {}
    for process in processes:
        if not process["alive"]:
            continue
        if process["identity"] in units:
            own.setdefault(units[process["identity"]], []).append(process)
            continue
        if process["identity"] in host.killed:
            continue
        if not process["quiet"]:
            for queue in process["queues"]:
                outside.setdefault(queue, []).append(process["identity"])
    return own, outside


def _foreign_unit(name: str) -> str:
    return (
        f"{name} was not written by this role. Set workers_take_over: true, and it will be replaced if workers_units declares"
        " it, and otherwise drained and stopped, with a copy of its file beside it."
    )


def _taken(declared: Declared, host: Host) -> t.Iterator[str]:
    for worker in declared.workers:
        for unit in worker.units:
            if unit in host.foreign:
                yield (
                    f"Worker {worker.name} would be {unit}, which belongs to another instance. {host.foreign[unit]} Give the worker"
                    " another name."
                )


def _doubtful(reason: str) -> str:
    return (
        f"{reason} If it is of this instance, restart it first, which waits for its jobs outside of systemd's stop timer:"
        " fediverse.mastodon.restart with restart_force=true."
    )


def _moves(
    declared: Declared,
    files: t.Sequence[File],
    host: Host,
    own: t.Mapping[str, t.Sequence[Process]],
    elsewhere: t.Collection[str],
) -> list[Move]:
    running = {name: _serves(found, host, own.get(name, ())) for name, found in host.units.items() if found.active}
    wanted = {unit: frozenset(worker.serves) for worker in declared.workers for unit in worker.units}
    restart = {
        file.unit
        for file in files
        if file.unit in running
        and (host.units[file.unit].digest != file.digest or any(one["quiet"] for one in own.get(file.unit, ())))
    }
    return order(running, wanted, restart, elsewhere)


def _serves(found: Found, host: Host, processes: t.Sequence[Process]) -> frozenset[str]:
    if processes:
        return frozenset(queue for process in processes if not process["quiet"] for queue in process["queues"])
    return frozenset(found.queues or host.queues)


def _longer_stop_timeouts(moves: t.Sequence[Move], declared: Declared, host: Host) -> list[dict[str, t.Any]]:
    """Where systemd would kill what runs now before it has pushed back its jobs: how long it must wait instead."""
    after = {unit: worker.stop for worker in declared.workers for unit in worker.units}
    entries = []
    for unit in [unit for move in moves for unit in move.down]:
        found = host.units[unit].unit
        # A run that was broken off may have left a new text beside a process of the old one: never less than was thought then.
        left = [part for part in found.parts if part.name == STOP_TIMEOUT_DROP_IN]
        timeout = host.units[unit].timeout or DEFAULT_TIMEOUT
        needed = max(timeout, DEFAULT_TIMEOUT) + 2 * HARD_SHUTDOWN
        needed = max(needed, int(Unit(unit, tuple(left)).stop_timeout()) if left else 0)
        if after.get(unit, found.stop_timeout()) < needed:
            entries.append(
                {"unit": unit, "path": f"/run/systemd/system/{unit}.d/{STOP_TIMEOUT_DROP_IN}", "seconds": needed}
            )
    return entries


def _shown(move: Move, own: t.Mapping[str, t.Sequence[Process]]) -> dict[str, t.Any]:
    return {
        "down": list(move.down),
        "up": list(move.up),
        "drain": move.drain,
        "identities": [process["identity"] for unit in move.down for process in own.get(unit, ())],
        "about": _sentence(move),
    }


def _sentence(move: Move) -> str:
    how = "quiet, wait for its jobs, stop" if move.drain else "stop (Sidekiq finishes or pushes back its jobs)"
    parts = [f"{how}: {', '.join(move.down)}"] if move.down else []
    parts += [f"start: {', '.join(move.up)}"] if move.up else []
    return "; then ".join(parts)


def _drop_ins(gone: t.Sequence[Found], host: Host) -> list[str]:
    return [
        part.path
        for found in gone
        if found.unit.name == host.stock_name
        for part in found.unit.parts
        if part.name == DROP_IN
    ]


def _is_set_aside(found: Found, host: Host) -> bool:
    return not found.own and found.unit.name != host.stock_name and found.file.path.startswith(f"{FOLDER}/")


def _expected(worker: Worker, unit: str) -> dict[str, t.Any]:
    return {
        "unit": unit,
        "threads": worker.all_threads,
        "db_pool": worker.pool if worker.set_pool else None,
        "queues": list(worker.serves),
        "weights": {name: weight or 0 for name, weight in worker.queues},
    }
