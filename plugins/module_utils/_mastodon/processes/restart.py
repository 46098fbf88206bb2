# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which units the role restart restarts, what it refuses, and what became of the jobs: pure functions."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from ..installation.conclusions import left_alone
from ..installation.systemd.units import matches
from .account import NOT_KNOWN
from .account import account as add_up

_STARTING: t.Final = 2.0  # seconds that a file may be younger than the process that has read it: clocks of two kinds
_UNKNOWN_FOREVER: t.Final = "restart_force does not help: no Sidekiq process is visible that it could stop."

Seen = t.Mapping[str, t.Any]
"""A dictionary as the modules return it."""


@dataclass(frozen=True)
class Due:
    """A unit to restart. `identities`: its heartbeats; `unmatched`: its processes without one; `busy`: None is not known."""

    name: str
    why: tuple[str, ...]
    identities: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    busy: int | None = 0
    unmatched: tuple[t.Mapping[str, int], ...] = ()
    reload: bool = False


@dataclass(frozen=True)
class Plan:
    """`refusals`: sentences for which nothing may be changed; `notes`: what is left alone, and why.

    `leftovers`: drop-ins of a restart that was interrupted, which make systemd wait for longer than the unit says.
    """

    running: int = 0
    due: tuple[Due, ...] = ()
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()


def plan(installation: Seen, files: t.Iterable[Seen], patterns: t.Sequence[str], forced: bool) -> Plan:
    """From what mastodon_info returned. `files`: path and mtime of what asks for a restart when it changes."""
    unmatched = {member["name"]: member for member in installation["unmatched"]}
    units = [
        worker
        for worker in installation["workers"]
        if worker["kind"] == "service" and worker["running"] and matches(worker["name"], patterns)
    ]
    refusals = [
        *_recorder(installation["redis"], bool(units or unmatched), forced),
        *_silent(units, unmatched, forced),
        *_nothing(installation, units),
    ]
    watched = [(str(file["path"]), float(file["mtime"])) for file in files]
    verdicts = [_judge(worker, unmatched.get(worker["name"]), watched, forced) for worker in units]
    return Plan(
        sum(len(worker["pids"]) for worker in units),
        tuple(verdict for verdict in verdicts if verdict.why),
        tuple(refusals),
        tuple(_notes(installation, units, patterns)),
        _leftovers(installation, patterns),
    )


def _leftovers(installation: Seen, patterns: t.Sequence[str]) -> tuple[str, ...]:
    """Those of units that are not known to belong to another instance: its own restart may be at work."""
    foreign = {worker["name"] for worker in installation["foreign"]}
    return tuple(
        one["path"]
        for one in installation["leftovers"]
        if one["role"] == "restart" and one["unit"] not in foreign and matches(one["unit"], patterns)
    )


def _judge(worker: Seen, silent: Seen | None, files: t.Sequence[tuple[str, float]], forced: bool) -> Due:
    processes = worker["processes"]
    why = ["restart_force is set"] if forced else []
    if worker["need_daemon_reload"]:
        why.append("its unit file has changed since systemd read it")
    if any(process["quiet"] for process in processes):
        why.append("it is quiet and fetches no jobs")
    started = min((process["started_epoch"] or 0.0 for process in processes), default=None)
    if started is not None:
        why += [f"{path} is newer than its process" for path, changed in files if changed > started + _STARTING]
    known = sum(process["busy"] for process in processes)
    hidden = 0 if silent is None else silent["busy"]
    return Due(
        worker["name"],
        tuple(why),
        tuple(process["identity"] for process in processes),
        tuple(worker["pids"]),
        None if hidden is None else known + hidden,
        # plain dictionaries, as Ansible's own cannot be copied
        tuple({"pid": member["pid"], "ticks": member["ticks"]} for member in (silent["processes"] if silent else ())),
        bool(worker["need_daemon_reload"]),
    )


def _recorder(redis: Seen, concerned: bool, forced: bool) -> t.Iterator[str]:
    """Sidekiq cannot push back a job into a Redis that takes no writes; nobody can record it there either."""
    if not concerned or redis["problem"] is None:
        return
    if redis["readable"]:
        yield f"{redis['problem']} Sidekiq could not push back what it runs, so nothing is restarted before Redis takes writes again."
    elif not forced:
        yield f"{redis['problem']} Without it nobody knows which jobs run, so nothing is restarted."


def _silent(units: t.Iterable[Seen], unmatched: t.Mapping[str, Seen], forced: bool) -> t.Iterator[str]:
    for worker in units:
        silent = unmatched.get(worker["name"])
        if silent is None:
            continue
        if not silent["processes"]:
            yield f"{worker['name']}: {silent['reason']} {_UNKNOWN_FOREVER if forced else 'Its jobs are not known, so it is not restarted.'}"
        elif not forced:
            yield (
                f"{worker['name']}: {silent['reason']} {_jobs(silent['busy'])}, and nobody could say what becomes of them. Correct the"
                " cause, or set restart_force=true to have Sidekiq finish them or push them back without a record."
            )


def _nothing(installation: Seen, units: t.Sequence[Seen]) -> t.Iterator[str]:
    """Sidekiq runs, and there is no unit that could be restarted."""
    if units:
        return
    loose = [worker for worker in installation["workers"] if worker["running"]]
    names = {worker["name"] for worker in loose}
    unknown = [member for member in installation["unmatched"] if member["name"] not in names]
    running = [
        *(f"{_loose(worker)} ({', '.join(_jobs_in(worker)) or 'no heartbeat in Redis'})" for worker in loose),
        *(f"{_loose(member)} ({member['reason']})" for member in unknown),
    ]
    if not installation["systemd"]:
        yield "No systemd runs on this host, and this role restarts its units."
    if running:
        yield (
            f"Sidekiq runs here, but in no unit that restart_units names: {'; '.join(running)}."
            " In Docker Compose: docker compose up --detach --force-recreate --timeout 60 SERVICE, with a timeout above that of"
            " Sidekiq (25 s) by at least 5 s; the default of 10 s loses every running job. Anywhere: fediverse.mastodon.sidekiq_process with"
            " state=quiet, then state=stopped, and start it again as it was started."
        )


def _notes(installation: Seen, units: t.Sequence[Seen], patterns: t.Sequence[str]) -> t.Iterator[str]:
    yield from left_alone(installation, patterns)
    for worker in installation["workers"]:
        if worker["running"] and units and worker not in units:
            why = "restart_units does not name it" if worker["kind"] == "service" else "no unit runs it"
            yield f"{_loose(worker)} is not restarted: {why}."
    known = {worker["name"] for worker in installation["workers"]}
    for silent in installation["unmatched"]:
        if silent["name"] not in known and units:
            yield f"{_loose(silent)} is left alone, as nothing tells whose it is. {silent['reason']}"


def _loose(worker: Seen) -> str:
    return f"container {worker['name']}" if worker["kind"] == "container" else str(worker["name"])


def _jobs_in(worker: Seen) -> t.Iterator[str]:
    for process in worker["processes"]:
        yield f"{process['identity']}, {process['busy']} jobs running"


def _jobs(count: int | None) -> str:
    return "How many jobs it runs is not known" if count is None else f"Its title says that it runs {count} jobs"


def account(due: Seen, quiet: Seen, failed: t.Iterable[str], stopped: Seen, unmatched: Seen) -> dict[str, t.Any]:
    """What became of the jobs of a unit: `ran` and its parts, which add up. `uncounted`: more ran, nobody knows how many.

    `quiet`: sidekiq_info with processes and busy once they were quiet; `failed`: jids found in the retry or dead set
    afterwards; `stopped`: sidekiq_process; `unmatched`: sidekiq_host_process. Each is empty if that step was left out.

    A job that a quiet process no longer runs while it still lives has finished or failed. Of a process that was not there
    any more when it was to be stopped nothing is known.
    """
    failed = set(failed)
    outcomes: list[str] = []
    ended = {process["identity"]: process for process in stopped.get("processes") or ()}
    for identity in due["identities"]:
        running = [job["jid"] for job in quiet.get("busy") or () if job["identity"] == identity]
        heartbeat = next((process for process in quiet.get("processes") or () if process["identity"] == identity), None)
        outcomes += _outcomes(running, failed, ended.get(identity))
        if heartbeat is not None:
            outcomes += [NOT_KNOWN] * max(0, heartbeat["busy"] - len(running))
    hidden = unmatched.get("busy", 0)
    outcomes += [NOT_KNOWN] * (hidden or 0)
    more = {"uncounted": hidden is None, "archive": stopped.get("archive") or ""}
    return {"unit": due["name"], **add_up(outcomes), **more}


def _outcomes(running: t.Sequence[str | None], failed: t.Collection[str], last: Seen | None) -> t.Iterator[str]:
    """One for each job, those that only the last record names included."""
    if last is None:
        for jid in running:
            yield "retried" if jid in failed else NOT_KNOWN
        return
    recorded = list(last["jobs"])
    yield from (job["outcome"] for job in recorded)
    left = [job["jid"] for job in recorded]
    for jid in running:
        if jid in left:
            left.remove(jid)
        elif jid is None:
            yield NOT_KNOWN
        else:
            yield "retried" if jid in failed else "finished"


def as_dictionary(plan: Plan) -> dict[str, t.Any]:
    """For a filter: lists instead of tuples."""
    return {name: _listed(value) for name, value in asdict(plan).items()}


def _listed(value: t.Any) -> t.Any:
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    if isinstance(value, t.Mapping):
        return {name: _listed(item) for name, item in value.items()}
    return value
