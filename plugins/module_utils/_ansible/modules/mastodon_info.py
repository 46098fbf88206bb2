# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module that reads the installation does."""

from __future__ import annotations

import os
import pwd
import time
import typing as t
from dataclasses import asdict

from ..._mastodon.installation import inventory, kernel, limits, surroundings
from ..._mastodon.installation.effective import Effective
from ..._mastodon.installation.identity import Match
from ..._mastodon.installation.inventory import Installation, Member, Silent, Worker
from ..._mastodon.installation.ownership import Instance, known_root
from ..._mastodon.installation.shown_settings import shown
from ..._mastodon.installation.systemd.leftovers import read_leftovers
from ..._mastodon.installation.systemd.units import Unit, matches, read_unit, read_units
from ..._mastodon.installation.unit_facts import DIGEST, UnitFacts, read_unit_facts
from ..._mastodon.settings.numbers import whole_number
from ..._mastodon.settings.release import read_release
from ..._mastodon.settings.variables import Variables, collect
from ..._sidekiq.errors import SidekiqError
from ..._sidekiq.keys import Keys
from ..._sidekiq.redis.connection import connect, describe, translate_errors
from ..._sidekiq.redis.settings import ConnectionSettings
from ..._sidekiq.redis.write_probe import probe_writes
from ..._sidekiq.state.process import Process
from ..._sidekiq.state.snapshot import read_snapshot
from ..._sidekiq.text import clean
from ..._sidekiq.times import iso
from ..._sidekiq.traversal.location import check_processes
from ..ending import Result
from ..hints import with_hint
from ..run_host import Runner
from ..run_redis import Here

SECTIONS: t.Final = ("settings", "limits", "unit_files")
OPTIONS: t.Final = {
    "units": {"type": "list", "elements": "str", "default": ["mastodon-sidekiq*.service"]},
    "sections": {
        "type": "list",
        "elements": "str",
        "choices": list(SECTIONS),
        "default": ["settings", "limits"],
    },
}
_NOT_ASKED: t.Final = "Not read: add limits to sections."


def locate(options: t.Mapping[str, t.Any], run: Runner) -> dict[str, t.Any]:
    """Where Mastodon is if it is not where the options say: where its unit runs, as with YunoHost and NixOS."""
    root = os.path.expanduser(options["mastodon_root"])
    if known_root(root) is None and os.path.isdir("/run/systemd/system"):
        unit = read_unit(run, options["systemd_unit"])
        declared = None if unit is None or unit.runs_container else known_root(unit.root)
        root = declared or root
    return {"mastodon_root": root}


def installation(here: Here) -> Result:
    """Read processes, units and heartbeats, and say which belong together and whose they are."""
    root: str = here.options["mastodon_root"]
    processes = kernel.sidekiq_processes()
    units = read_units(here.run, [*here.options["units"], here.options["systemd_unit"]])
    heartbeats, readable, problem = _heartbeats(here)
    instance = inventory.instance_at(root, here.settings)
    found = inventory.describe_installation(
        inventory.Sources(
            processes,
            units or (),
            heartbeats,
            here.options["units"],
            describe(here.settings) if here.settings else "an unknown address",
            problem,
            time.time(),
            inventory.lineage(processes),
        ),
        instance,
    )
    release = read_release(instance.root) if instance.root else None
    variables, no_variables = _variables(here, instance.root)
    of_unit = _of_unit(here, units or ())
    files = variables.values if variables else {}
    web = surroundings.web_server(units or (), instance.root)
    streaming = surroundings.streaming_connections(
        [{**files, **unit.environment()} for unit in surroundings.streaming_servers(units or (), instance.root)]
    )
    return {
        "changed": False,
        "kind": found.kind,
        "systemd": units is not None,
        "nodename": os.uname().nodename,
        "root": instance.root,
        "release": ".".join(map(str, release)) if release else None,
        "user": _user(instance.uid),
        "redis": {
            "server": describe(here.settings) if here.settings else None,
            "database": here.settings.db if here.settings else None,
            "readable": readable,
            "writable": readable and problem is None,
            "problem": problem,
        },
        "settings": _settings(here.options["systemd_unit"], of_unit, variables)
        if "settings" in here.options["sections"]
        else {},
        "limits": _limits(here, variables and collect(root, {}, here.options["systemd_unit"], of_unit), no_variables),
        "jemalloc": surroundings.jemalloc(here.run),
        "web": asdict(surroundings.web_connections({**files, **web.environment()})) if web else None,
        "streaming": asdict(streaming) if streaming else None,
        "leftovers": [vars(leftover) for leftover in read_leftovers()],
        **_shape(found, instance, "unit_files" in here.options["sections"]),
        "elsewhere": _elsewhere(_unassigned(found, heartbeats)),
    }


def _variables(here: Here, root: str | None) -> tuple[Variables | None, str | None]:
    """What Mastodon's own files say, or why that is not known."""
    if root is None:
        return None, f"There is no Mastodon in {here.options['mastodon_root']}. Set mastodon_root."
    try:
        return collect(root, {}, "", {}), None
    except SidekiqError as failure:
        return None, with_hint(failure)


def _of_unit(here: Here, units: t.Iterable[Unit]) -> dict[str, str]:
    """The environment of the unit that stands for the instance."""
    name = here.options["systemd_unit"]
    return next((unit.environment() for unit in units if matches(unit.name, [name])), {})


def _settings(name: str, of_unit: t.Mapping[str, str], files: Variables | None) -> Result:
    """Every variable as a process of the unit sees it: what the unit sets wins over the files."""
    if files is None:
        return {}
    values = {**files.values, **of_unit}
    sources = {**files.sources, **files.commands, **dict.fromkeys(of_unit, name)}
    return {
        clean(variable): {
            "value": _shown(variable, values.get(variable)),
            "source": clean(source),
            "in_files": _shown(variable, files.values.get(variable)),
        }
        for variable, source in sorted(sources.items())
    }


def _shown(name: str, value: str | None) -> str | None:
    return None if value is None else _text(shown(name, value))


def _limits(here: Here, variables: Variables | None, problem: str | None) -> Result:
    memory = limits.read_memory()
    if "limits" in here.options["sections"]:
        database = limits.read_connections(here.options["mastodon_root"], variables, problem)
    else:
        database = limits.Connections(problem=_NOT_ASKED)
    return {
        "cores": limits.count_cores(),
        "memory_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "postgresql": {
            "max_connections": database.max_connections,
            "reserved": database.reserved,
            "in_use": database.in_use,
            "used_by": {clean(who): count for who, count in database.used_by.items()},
            "problem": None if database.problem is None else clean(database.problem),
        },
    }


def _unassigned(found: Installation, heartbeats: t.Iterable[Process]) -> list[Process]:
    """The live heartbeats that are certainly those of no process of this host."""
    workers = [*found.workers, *found.foreign]
    members = (member for worker in workers for member in worker.members)
    taken = {member.match.heartbeat.identity for member in members if member.match is not None}
    return [process for process in heartbeats if process.alive and process.identity not in taken]


def _elsewhere(processes: t.Sequence[Process]) -> list[Result]:
    nodename, pids = os.uname().nodename, kernel.pids_inside()
    return [
        {
            "identity": process.identity,
            "queues": list(process.queues),
            "quiet": process.quiet,
            "killed": process.hostname == nodename and process.pid not in pids,
        }
        for process in processes
    ]


def _heartbeats(here: Here) -> tuple[tuple[Process, ...], bool, str | None]:
    """The heartbeats, whether they could be read, and why one may be missing all the same."""
    if here.settings is None:
        return (), False, here.problem
    heartbeats: tuple[Process, ...] = ()
    readable = False
    try:
        with translate_errors(here.settings):
            client, key = connect(here.settings), Keys(here.settings.key_prefix)
            snapshot = read_snapshot(client, key, ("processes",))
            check_processes(key, snapshot.wrong_types, ())
            heartbeats = snapshot.processes or ()
            readable = True
            probe_writes(client, key)
    except SidekiqError as failure:
        return heartbeats, readable, with_hint(failure)
    return heartbeats, readable, None


def _shape(found: Installation, instance: Instance, unit_files: bool) -> Result:
    return {
        "workers": [_worker(worker, instance, unit_files) for worker in found.workers],
        "unmatched": [_silent(silent) for silent in found.unmatched],
        "foreign": [_foreign(worker) for worker in found.foreign],
    }


def _worker(worker: Worker, instance: Instance, unit_files: bool) -> Result:
    unit = worker.unit
    first = worker.members[0].process if worker.members else None
    return {
        "name": clean(worker.name),
        "kind": worker.kind,
        "state": unit.state if unit else "active",
        "running": worker.active,
        "main_pid": unit.pid if unit else first.pid if first else 0,
        "pids": [member.process.pid for member in worker.members],
        "user": _user(worker.owner.uid),
        "root": _text(worker.owner.root),
        "stop_timeout": unit.stop_timeout if unit else None,
        "restart": unit.restart if unit else "no",
        "starts_again": unit is not None and unit.restart == "always",
        "need_daemon_reload": unit is not None and unit.need_daemon_reload,
        "restarts": unit.restarts if unit else 0,
        "memory": unit.memory if unit else None,
        "container": first.container if first else None,
        "engine": first.engine if first else None,
        "doubt": clean(worker.reason) if worker.reason else None,
        **_settings_of(worker, instance, unit_files),
        "processes": [_process(member, member.match) for member in worker.members if member.match is not None],
    }


def _settings_of(worker: Worker, instance: Instance, unit_files: bool) -> Result:
    """What it runs with: by its unit, or by its heartbeats where no unit tells."""
    unit = worker.unit
    facts = read_unit_facts(unit, worker.owner.root or instance.root) if unit else UnitFacts(_by_heartbeat(worker))
    return {
        **describe_settings(facts, unit_files),
        "memory_high": unit.memory_high if unit else None,
        "memory_max": unit.memory_max if unit else None,
        "enabled": unit is not None and unit.enabled,
        "unit_file": (unit.path or None) if unit else None,
        "digest": _digest(worker),
    }


def describe_settings(facts: UnitFacts, unit_files: bool) -> Result:
    """The part of a worker that its unit says."""
    found = facts.effective
    queues = found.all_queues
    return {
        "queues": [{"name": clean(name), "weight": weight} for name, weight in queues or ()],
        "strict": found.strict,
        "threads": found.all_threads,
        "pool": found.pool,
        "timeout": found.timeout,
        "capsules": {
            clean(capsule.name): {"threads": capsule.threads, "queues": [clean(name) for name in capsule.queues]}
            for capsule in found.capsules or ()
        },
        "unknown": {key: clean(why) for key, why in found.unknown.items()},
        "config": _text(facts.config_path),
        "sidekiq_yml": _config(facts),
        "environment": _environment(facts),
        "written_by_role": facts.written_by_role,
        "files": {part.path: part.text for part in facts.files.parts} if unit_files and facts.files else {},
    }


def _by_heartbeat(worker: Worker) -> Effective:
    """What Redis says of a process that no unit starts; its capsules and its pool are not there."""
    beats = [member.match.heartbeat for member in worker.members if member.match is not None]
    why = "No unit starts it."
    if not beats:
        return Effective(unknown=dict.fromkeys(("threads", "queues", "timeout", "pool", "capsules"), why))
    weights = beats[0].weights or {}
    queues = tuple((name, weights.get(name) or None) for name in beats[0].queues)
    return Effective(beats[0].concurrency, queues, None, None, (), {"timeout": why, "pool": why})


def _config(facts: UnitFacts) -> Result | None:
    if facts.config is None:
        return None
    config = facts.config
    return {
        "concurrency": config.concurrency,
        "timeout": config.timeout,
        "queues": [{"name": clean(name), "weight": config.weights.get(name)} for name in config.queues],
        "unclear": {key: clean(why) for key, why in config.unclear.items()},
    }


def _environment(facts: UnitFacts) -> Result:
    return {
        clean(name): {"value": _text(shown(name, value.value, facts.mentioned)), "source": clean(value.source)}
        for name, value in sorted(facts.environment.items())
    }


def _digest(worker: Worker) -> str | None:
    """The text of its unit from which it was started, if the role wrote that."""
    pids = [worker.unit.pid] if worker.unit and worker.unit.pid else []
    pids += [member.process.pid for member in worker.members]
    found = (kernel.environment_of(pid).get(DIGEST) for pid in pids)
    return next((clean(digest) for digest in found if digest), None)


def _process(member: Member, match: Match) -> Result:
    heartbeat = match.heartbeat
    return {
        "identity": heartbeat.identity,
        "pid": member.process.pid,
        "ticks": member.process.ticks,
        "busy": heartbeat.busy,
        "quiet": heartbeat.quiet,
        "alive": heartbeat.alive,
        "db_pool": _pool(member),
        "named": match.named,
        "started_at": iso(heartbeat.started_at),
        "started_epoch": None if heartbeat.started_at is None else round(heartbeat.started_at, 3),
    }


def _pool(member: Member) -> int | None:
    return whole_number((member.process.environment or {}).get("DB_POOL"))


def _silent(silent: Silent) -> Result:
    return {
        "name": clean(silent.worker.name),
        "kind": silent.worker.kind,
        "ours": silent.worker.ours,
        "pids": list(silent.pids),
        "processes": [{"pid": member.process.pid, "ticks": member.process.ticks} for member in silent.worker.unmatched],
        "busy": silent.busy,
        "starting": silent.starting,
        "reason": clean(silent.reason),
    }


def _foreign(worker: Worker) -> Result:
    redis: ConnectionSettings | None = worker.owner.redis
    return {
        "name": clean(worker.name),
        "kind": worker.kind,
        "running": worker.active,
        "pids": [member.process.pid for member in worker.members],
        "user": _user(worker.owner.uid),
        "root": _text(worker.owner.root),
        "redis": describe(redis) if redis else None,
        "identities": [member.match.heartbeat.identity for member in worker.members if member.match is not None],
        "reason": clean(worker.reason),
    }


def _user(uid: int | None) -> str | None:
    if uid is None:
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _text(value: str | None) -> str | None:
    return None if value is None else clean(value)
