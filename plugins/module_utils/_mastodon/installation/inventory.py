# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What runs Sidekiq on this host: the units, containers and processes of the instance at hand, and what is not its own."""

from __future__ import annotations

import os
import pwd
import typing as t
from collections import defaultdict
from dataclasses import dataclass, field, replace

from ..._sidekiq.redis.settings import ConnectionSettings
from ..._sidekiq.state.process import Process
from .identity import Match, Matches, match
from .kernel import HostProcess, parents
from .ownership import Instance, Owner, Verdict, effective_redis, judge, known_root
from .systemd.units import Unit, matches


@dataclass(frozen=True)
class Member:
    """A Sidekiq process of this host, its heartbeat, or the reason why it has none that is certain."""

    process: HostProcess
    match: Match | None
    reason: str = ""
    starting: bool = False


@dataclass(frozen=True)
class Worker:
    """What runs Sidekiq: a service, or a container or process without one. `ours` is None if it cannot be told."""

    name: str
    kind: str
    unit: Unit | None
    members: tuple[Member, ...]
    owner: Owner
    ours: bool | None
    reason: str = ""

    @property
    def active(self) -> bool:
        return self.unit is None or not self.unit.idle

    @property
    def unmatched(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.match is None)


@dataclass(frozen=True)
class Silent:
    """An active worker whose jobs Redis does not show.

    `busy`: what the titles of the processes say, None if they do not. `starting`: it may show them soon.
    """

    worker: Worker
    pids: tuple[int, ...]
    busy: int | None
    reason: str
    starting: bool = False


@dataclass(frozen=True)
class Installation:
    """`kind`: systemd, compose, podman, kubernetes, process or none - what runs the Sidekiq of this instance here."""

    kind: str
    workers: tuple[Worker, ...] = ()
    unmatched: tuple[Silent, ...] = ()
    foreign: tuple[Worker, ...] = ()


@dataclass(frozen=True)
class Sources:
    """What was read. `problem`: why heartbeats cannot be trusted; `now`: epoch seconds of this host."""

    processes: t.Sequence[HostProcess]
    units: t.Sequence[Unit] = ()
    heartbeats: t.Sequence[Process] = ()
    patterns: t.Sequence[str] = ()
    server: str = ""
    problem: str | None = None
    now: float = 0.0
    parents: t.Mapping[int, tuple[int, ...]] = field(default_factory=dict)


def instance_at(root: str, redis: ConnectionSettings | None) -> Instance:
    """The instance that the options mean: its root and, unless root owns it, the user."""
    try:
        uid = os.stat(root).st_uid
    except OSError:
        return Instance(None, None, redis)
    return Instance(known_root(root), uid or None, redis)


def lineage(processes: t.Iterable[HostProcess]) -> dict[int, tuple[int, ...]]:
    """The pids above each process."""
    return {process.pid: tuple(parents(process.pid)) for process in processes}


def describe_installation(sources: Sources, instance: Instance) -> Installation:
    """Assign processes to units and heartbeats, and each unit to an instance."""
    paired = match(sources.processes, sources.heartbeats, sources.server, sources.now)
    homes = _homes(sources)
    found = [
        _service(unit, homes[unit.name], paired, sources, instance)
        for unit in sources.units
        if unit.name in homes or unit.mentions_sidekiq or matches(unit.name, sources.patterns)
    ]
    found += [_loose(process, paired, sources, instance) for process in homes[""]]
    workers = tuple(worker for worker in found if _counts(worker, sources))
    unmatched = tuple(silent for worker in found if worker.ours is not False for silent in _silent(worker, sources))
    foreign = tuple(worker for worker in found if worker.ours is False)
    return Installation(_kind(workers or tuple(silent.worker for silent in unmatched)), workers, unmatched, foreign)


def _homes(sources: Sources) -> dict[str, list[HostProcess]]:
    """Processes by the unit whose control group they are in, or whose main process is above them, as podman's monitor is."""
    by_pid = {unit.pid: unit.name for unit in sources.units if unit.pid}
    names = {unit.name for unit in sources.units}
    homes: defaultdict[str, list[HostProcess]] = defaultdict(list)
    for process in sources.processes:
        above = (by_pid[pid] for pid in sources.parents.get(process.pid, ()) if pid in by_pid)
        home = process.unit if process.unit in names else next(above, "")
        homes[home or ""].append(process)
    return homes


def _service(
    unit: Unit, processes: t.Sequence[HostProcess], paired: Matches, sources: Sources, instance: Instance
) -> Worker:
    members = _members(processes, paired, sources)
    shown = None if unit.runs_container or processes else unit.environment()
    owner = _owner(members, unit, shown)
    verdict = judge(owner, instance)
    if verdict.ours is None and not members and not matches(unit.name, sources.patterns):
        verdict = Verdict(False, "No Sidekiq process is visible in it, and it is not among the units of the task.")
    return _worker(Worker(unit.name, "service", unit, members, owner, verdict.ours, verdict.reason))


def _loose(process: HostProcess, paired: Matches, sources: Sources, instance: Instance) -> Worker:
    members = _members([process], paired, sources)
    owner = _owner(members, None, None)
    verdict = judge(owner, instance)
    if process.container:
        name, kind = process.container[:12], "container"
    else:
        name, kind = process.user_unit or f"process {process.pid}", "process"
    return _worker(Worker(name, kind, None, members, owner, verdict.ours, verdict.reason))


def _worker(worker: Worker) -> Worker:
    """Settings that contradict each other: whose heartbeat it seems to be is then nothing to rely on."""
    if not worker.ours or not worker.reason:
        return worker
    return replace(
        worker, members=tuple(replace(one, match=None, reason=worker.reason, starting=False) for one in worker.members)
    )


def _members(processes: t.Sequence[HostProcess], paired: Matches, sources: Sources) -> tuple[Member, ...]:
    return tuple(
        Member(
            process,
            paired.found.get(process.pid),
            sources.problem or paired.reasons.get(process.pid, ""),
            sources.problem is None and process.pid in paired.starting,
        )
        for process in processes
    )


def _owner(members: t.Sequence[Member], unit: Unit | None, shown: t.Mapping[str, str] | None) -> Owner:
    """From the first process, and from the unit where it says more. `shown`: the environment of a unit that does not run."""
    process = members[0].process if members else None
    declared = None if unit is None or unit.runs_container else known_root(unit.root)
    root = declared or (known_root(process.root) if process else None)
    source = unit.name if unit else f"process {process.pid}" if process else ""
    environment = shown if process is None else process.environment
    if environment is None and process is not None and unit is not None and not process.container:
        environment = unit.environment()  # Ruby has overwritten that of the process
    inside = f"/proc/{process.pid}/cwd" if process is not None and root is None else root
    return Owner(
        root=root,
        uid=_uid(process, unit),
        redis=effective_redis(inside, environment, source),
        heartbeat=any(member.match is not None and member.match.named for member in members),
        own_network=process is not None and process.own_network,
    )


def _uid(process: HostProcess | None, unit: Unit | None) -> int | None:
    if process is not None:
        return None if process.container else process.uid
    if unit is None or unit.runs_container:
        return None
    if not unit.user or unit.user.isdecimal():
        return int(unit.user or 0)
    try:
        return pwd.getpwnam(unit.user).pw_uid
    except KeyError:
        return None


def _counts(worker: Worker, sources: Sources) -> bool:
    return worker.ours is True or (worker.ours is None and matches(worker.name, sources.patterns))


def _silent(worker: Worker, sources: Sources) -> t.Iterator[Silent]:
    if not worker.active:
        return
    if not worker.members:
        starting = worker.unit is not None and worker.unit.state == "activating"
        yield Silent(worker, (), None, sources.problem or _no_process(worker), starting)
    unmatched = worker.unmatched
    if unmatched:
        titles = [member.process.title for member in unmatched]
        busy = sum(title.busy for title in titles if title) if all(titles) else None
        starting = all(member.starting for member in unmatched)
        yield Silent(worker, tuple(member.process.pid for member in unmatched), busy, unmatched[0].reason, starting)


def _no_process(worker: Worker) -> str:
    if worker.unit is not None and worker.unit.runs_container:
        return "It runs a container, and no Sidekiq process below its main process is visible: its container cannot be told."
    if worker.unit is not None and worker.unit.state == "activating":
        return "It is starting, and no Sidekiq process is visible yet."
    return "It is active, and no Sidekiq process is visible in its control group."


def _kind(workers: t.Sequence[Worker]) -> str:
    engines = {member.process.engine for worker in workers for member in worker.members if member.process.container}
    if any(worker.kind == "service" for worker in workers) and not engines:
        return "systemd"
    for engine, kind in (("podman", "podman"), ("docker", "compose"), ("kubernetes", "kubernetes")):
        if engine in engines:
            return kind
    return "systemd" if any(worker.kind == "service" for worker in workers) else "process" if workers else "none"
