# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module that works on processes does."""

from __future__ import annotations

import itertools
import time
import typing as t
from dataclasses import dataclass, field, replace

from ..._mastodon.host.container import warnings_for
from ..._mastodon.host.process import Local, locate
from ..._mastodon.jobs.names import parse_names
from ..._mastodon.jobs.worker_classes import remote_domain
from ..._mastodon.processes import stop as process_stop
from ..._mastodon.processes.account import NOT_KNOWN, account
from ..._mastodon.processes.selection import Choice, Picked, Running, pick, translated
from ..._mastodon.processes.stop import Means
from ..._sidekiq.duration import seconds
from ..._sidekiq.edit.killed_jobs import FATES, Ending, check_directory
from ..._sidekiq.errors import BadOption
from ..._sidekiq.state import signals
from ..._sidekiq.state.process import Process, Work
from ..._sidekiq.state.process_registry import prune
from ..._sidekiq.state.snapshot import Snapshot, read_snapshot
from ..._sidekiq.traversal.locate import name_of
from ..._sidekiq.traversal.location import check_processes
from ..ending import Result
from ..options.run import ARCHIVES, RUN_OPTIONS, run_of
from ..run_redis import Session, refuse_unwritable

_NAMES: t.Final = {"type": "list", "elements": "str"}

OPTIONS: t.Final = {
    "state": {"type": "str", "required": True, "choices": ["quiet", "stopped", "absent"]},
    "identities": _NAMES,
    "hostnames": _NAMES,
    "tags": _NAMES,
    "queues": _NAMES,
    "running": {
        "type": "dict",
        "options": {
            "classes": _NAMES,
            "queues": _NAMES,
            "domains": _NAMES,
            "jids": _NAMES,
            "longer_than": {"type": "str"},
        },
    },
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "str", "default": "90s"},
    "max_running": {"type": "int"},
    "signal": {"type": "str", "choices": ["TERM", "KILL"], "default": "TERM"},
    "lost_jobs": {"type": "str", "choices": ["restore", "dead", "drop"], "default": "restore"},
    "archive_dir": {"type": "path", "default": ARCHIVES},
    **RUN_OPTIONS,
}

_SIGNALS: t.Final = {"quiet": signals.QUIET, "stopped": signals.STOP}
_DONE: t.Final = {"quiet": "quieted", "stopped": "stopped", "absent": "removed"}


@dataclass
class Target:
    """A process that is meant, and what becomes of it and, in `ending`, of its jobs."""

    picked: Picked
    local: Local | None
    outcome: str
    ending: Ending = field(default_factory=Ending)

    @property
    def identity(self) -> str:
        return self.picked.process.identity

    @property
    def changes(self) -> bool:
        return self.outcome != "unchanged"


def change_processes(session: Session) -> Result:
    """Plan, refuse what must not be, and outside check mode do it."""
    options, began = session.options, time.monotonic()
    timeout = seconds(options["wait_timeout"], "wait_timeout")
    choice, warnings = _choice(options)
    run = run_of(options, session.check_mode)
    snapshot = read_snapshot(session.client, session.key, ("processes", "work", "server"))
    refuse_unwritable(snapshot, session)
    # a stale entry whose key holds something else can be removed, but nobody knows what such a process runs
    check_processes(session.key, snapshot.wrong_types, () if options["state"] == "absent" else choice.identities)
    earlier = process_stop.end_earlier(session.client, session.key, snapshot.taken_at, session.check_mode)
    if earlier and not session.check_mode:
        session.progress["changed"] = True
        snapshot = read_snapshot(session.client, session.key, ("processes", "work", "server"))
    elif earlier:
        ended = {stop.stop.identity for stop in earlier if stop.ending is not None}
        left = tuple(process for process in snapshot.processes or () if process.identity not in ended)
        snapshot = replace(snapshot, processes=left)
    planned = _plan(session, snapshot, choice)
    _refuse(options, planned)
    if options["signal"] == "KILL" and any(target.changes for target in planned):
        check_directory(options["archive_dir"], session.check_mode)
        warnings = warnings + warnings_for(options["archive_dir"], "archive_dir", "the job archive")
    result = _planned(session, planned, options)
    if not session.check_mode:
        means = Means(
            session.client,
            session.key,
            session.server,
            options["archive_dir"],
            options["lost_jobs"],
            timeout,
            began + timeout,
            run,
        )
        session.progress["changed"] = bool(earlier)
        changing = [target for target in planned if target.changes]
        for target in changing:
            target.outcome = "unchanged"  # until it is done
        try:
            _APPLY[options["state"]](means, changing, options, result, session)
        finally:
            result["processes"] = session.progress["processes"] = [_process(target) for target in planned]
        result["diff"] = _diff(planned)
        result["changed"] = any(target.changes for target in planned)
    for stop in earlier:
        result["changed"] = True
        warnings.append(stop.report)
        if stop.ending is not None:
            result["archive"] = result["archive"] or stop.ending.archive
    result.update(account([*_outcomes_of_stopped(result["processes"]), *_outcomes_of_earlier(earlier)]))
    result["duration"] = round(time.monotonic() - began, 3)
    result["warnings"] = [*warnings, *result["warnings"]]
    return result


def _choice(options: t.Mapping[str, t.Any]) -> tuple[Choice, list[str]]:
    running: Running | None = None
    warnings: list[str] = []
    if options["running"] is not None:
        given = options["running"]
        longer = given["longer_than"]
        names = _names(given, ("classes", "queues", "domains", "jids"), "running.", warnings)
        running = Running(**names, longer_than=None if longer is None else seconds(longer, "running.longer_than"))
        if running.empty:
            raise BadOption("running is empty. Give it one of classes, queues, domains, jids or longer_than.")
        running, more = translated(running)
        warnings += more
    names = _names(options, ("identities", "hostnames", "tags", "queues"), "", warnings)
    choice = Choice(**names, running=running)
    if options["state"] == "absent":
        wrong = [name for name in ("tags", "queues", "running") if options[name] is not None]
        if wrong:
            raise BadOption(
                f"state: absent does not take {', '.join(wrong)}: of a process without heartbeat only the identity is known."
            )
    elif choice.empty:
        raise BadOption(
            "No condition is given, so this would mean every process there is. Give identities, hostnames, tags, queues or running."
        )
    if (options["max_running"] or 0) < 0:
        raise BadOption("max_running cannot be below 0.")
    if options["state"] != "stopped" and options["signal"] == "KILL":
        raise BadOption("signal: KILL belongs to state: stopped.")
    return choice, warnings


def _names(
    given: t.Mapping[str, t.Any], lists: t.Sequence[str], start: str, warnings: list[str]
) -> dict[str, list[str] | None]:
    """The lists of names, in the form that processes and jobs have; None where no condition is given."""
    names: dict[str, list[str] | None] = dict.fromkeys(lists)
    for name in lists:
        if given[name] is not None:
            names[name], more = parse_names(name, start + name, given[name])
            warnings += more
    return names


def _plan(session: Session, snapshot: Snapshot, choice: Choice) -> list[Target]:
    state, picked_processes = session.options["state"], pick(snapshot.processes or (), snapshot.work or (), choice)
    here = locate(snapshot.processes or ())
    if state == "absent":
        living = [picked.process for picked in picked_processes if picked.process.has_heartbeat]
        for process in living:
            if process.identity in (choice.identities or ()):
                raise BadOption(_why_not_removed(process))
        picked_processes = [picked for picked in picked_processes if not picked.process.has_heartbeat]
        return [Target(picked, here.get(picked.process.identity), "removed") for picked in picked_processes]
    planned, signalled = [], _signalled(session, picked_processes)
    for picked in picked_processes:
        changes = _changes(state, picked.process) and picked.process.identity not in signalled
        planned.append(Target(picked, here.get(picked.process.identity), _DONE[state] if changes else "unchanged"))
    return planned


def _changes(state: str, process: Process) -> bool:
    """A dead process takes no signal, but while Redis has its last heartbeat a stop restores its jobs."""
    return process.alive and not process.quiet if state == "quiet" else process.has_heartbeat


def _why_not_removed(process: Process) -> str:
    if process.alive:
        return f"The process {process.identity} beats, so it is no ghost. state: stopped stops it."
    return (
        f"The process {process.identity} is dead, as a newer one has its host name and pid, but its last heartbeat has not expired"
        " and says what it ran. state: stopped restores these jobs and removes it."
    )


def _signalled(session: Session, picked_processes: t.Sequence[Picked]) -> set[str]:
    """Those for which the signal lies there already, which is as far as it goes without waiting."""
    if session.options["wait"] or session.options["signal"] == "KILL":
        return set()
    waiting = signals.pending(session.client, session.key, [picked.process.identity for picked in picked_processes])
    return {identity for identity, names in waiting.items() if _SIGNALS[session.options["state"]] in names}


def _refuse(options: t.Mapping[str, t.Any], planned: t.Sequence[Target]) -> None:
    """Before anything is touched."""
    changing = [target for target in planned if target.changes]
    for target in changing:
        process = target.picked.process
        if options["state"] != "absent" and process.embedded:
            raise BadOption(f"The process {target.identity} is embedded in another program and takes no signals.")
        if options["signal"] == "KILL" and target.local is None:
            raise BadOption(
                f"The process {target.identity} does not run on this host, or cannot be told from another one here, so it cannot be"
                f" killed. Run the task as root on the host of its container or on {process.hostname}, outside of containers, or"
                " use signal: TERM, which works from anywhere."
            )
        if options["signal"] == "KILL" and target.local is not None and not target.local.named and process.quiet:
            raise BadOption(
                f"The process {target.identity} may be the process {target.local.pid} of this host, whose name is another one now. As it"
                " is quiet already, nothing can prove that. Use signal: TERM, which works from anywhere."
            )
    limit, other_jobs = options["max_running"], sum(len(target.picked.other_jobs) for target in changing)
    if limit is not None and other_jobs > limit:
        raise BadOption(
            f"{other_jobs} other jobs run in {', '.join(target.identity for target in changing)}, more than max_running ({limit});"
            " nothing was touched. Make the processes quiet and wait, narrow the choice or raise max_running."
        )


def _planned(session: Session, planned: t.Sequence[Target], options: t.Mapping[str, t.Any]) -> Result:
    if session.check_mode and options["signal"] == "KILL":
        _foretell(planned, FATES[options["lost_jobs"]])
    result: Result = {
        "changed": any(target.changes for target in planned),
        "server": session.server,
        "matched": [target.identity for target in planned],
        "processes": [_process(target) for target in planned],
        "other_jobs": [
            _job(work, "running") for target in planned if target.changes for work in target.picked.other_jobs
        ],
        "archive": None,
        "ghosts_removed": sum(1 for target in planned if target.outcome == "removed"),
        "complete": True,
        "diff": _diff(planned),
        "warnings": [],
    }
    return result


def _foretell(planned: t.Sequence[Target], fate: str) -> None:
    """What a kill does with the jobs that run now. One that cannot be read cannot be written to an archive either."""
    for target in planned:
        for work in target.picked.jobs if target.changes else ():
            if not work.job.malformed:
                target.ending.add(work.job, fate)


def _quiet(
    means: Means, planned: list[Target], options: t.Mapping[str, t.Any], _result: Result, session: Session
) -> None:
    _signal(means, planned, signals.QUIET, "quieted", session)
    if options["wait"]:
        for target in planned:
            process_stop.await_quiet(means, target.identity)


def _stop(
    means: Means, planned: list[Target], options: t.Mapping[str, t.Any], result: Result, session: Session
) -> None:
    if options["signal"] == "KILL":
        local = [(target, target.local) for target in planned if target.local is not None]
        for target, here in local:
            if process_stop.send_tstp(target.picked.process, here):
                target.outcome = "quieted"
                session.progress.update(changed=True)
        for target, here in local:
            _end(target, process_stop.kill(means, target.picked.process, here), result, session)
        return
    _signal(means, planned, signals.STOP, "quieted" if options["wait"] else "stopped", session)
    if options["wait"]:
        for target in planned:
            running = (*target.picked.jobs, *target.picked.other_jobs)
            _end(target, process_stop.await_end(means, target.identity, target.local, running), result, session)


def _remove(
    means: Means, planned: list[Target], _options: t.Mapping[str, t.Any], result: Result, _session: Session
) -> None:
    removed = prune(means.client, means.key, [target.identity for target in planned])
    for target in planned:
        if target.identity in removed:
            target.outcome = "removed"
    result["ghosts_removed"] = len(removed)


_APPLY: t.Final = {"quiet": _quiet, "stopped": _stop, "absent": _remove}


def _signal(means: Means, planned: t.Sequence[Target], name: str, outcome: str, session: Session) -> None:
    if process_stop.send(means, [target.identity for target in planned], name):
        session.progress.update(changed=True)
    for target in planned:
        target.outcome = outcome


def _end(target: Target, stopped: process_stop.Stopped, result: Result, session: Session) -> None:
    """What came of a process: the jobs of the last record, which may be others than those of the plan."""
    target.outcome = "stopped"
    target.picked = Picked(target.picked.process, stopped.work, target.picked.other_jobs)
    target.ending = stopped.ending
    result["archive"] = stopped.ending.archive or result["archive"]
    result["complete"] = result["complete"] and stopped.complete
    result["warnings"] += stopped.warnings


def _outcomes_of_stopped(processes: t.Iterable[Result]) -> t.Iterator[str]:
    for process in processes:
        if process["outcome"] == "stopped":
            yield from (job["outcome"] for job in process["jobs"])


def _outcomes_of_earlier(earlier: t.Iterable[process_stop.Earlier]) -> t.Iterator[str]:
    for stop in earlier:
        if stop.ending is not None:
            yield from itertools.chain.from_iterable(stop.ending.jobs.values())


def _process(target: Target) -> Result:
    process = target.picked.process
    outcomes = {name: iter(fates) for name, fates in target.ending.jobs.items()}
    otherwise = NOT_KNOWN if target.outcome == "stopped" else "running"
    return {
        "identity": process.identity,
        "hostname": process.hostname,
        "pid": process.pid,
        "unit": None if target.local is None else target.local.unit,
        "queues": list(process.queues),
        "busy": process.busy,
        "quiet": process.quiet,
        "beat_age": None if process.beat_age is None else round(process.beat_age, 3),
        "jobs": [_job(work, next(outcomes.get(name_of(work.job), iter(())), otherwise)) for work in target.picked.jobs],
        "archive": target.ending.archive,
        "outcome": target.outcome,
    }


def _job(work: Work, outcome: str) -> Result:
    return {
        "jid": work.job.jid,
        "class": work.job.display_class,
        "queue": work.queue,
        "domain": remote_domain(work.job),
        "elapsed": None if work.elapsed is None else round(work.elapsed, 3),
        "outcome": outcome,
    }


def _diff(planned: t.Sequence[Target]) -> Result:
    before, after = {}, {}
    for target in planned:
        process = target.picked.process
        word = "ghost" if not process.has_heartbeat else "quiet" if process.quiet else "working"
        before[target.identity] = word
        after[target.identity] = {"quieted": "quiet", "unchanged": word}.get(target.outcome, "gone")
    return {"before": before, "after": after}
