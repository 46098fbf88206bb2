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

from ..._mastodon.installation import inventory, kernel
from ..._mastodon.installation.identity import Match
from ..._mastodon.installation.inventory import Installation, Member, Silent, Worker
from ..._mastodon.installation.systemd.units import read_units
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
from ..run_redis import Here

OPTIONS: t.Final = {"units": {"type": "list", "elements": "str", "default": ["mastodon-sidekiq*.service"]}}


def installation(here: Here) -> Result:
    """Read processes, units and heartbeats, and say which belong together and whose they are."""
    root = os.path.expanduser(here.options["mastodon_root"])
    processes = kernel.sidekiq_processes()
    units = read_units(here.run, here.options["units"])
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
    return {
        "changed": False,
        "kind": found.kind,
        "systemd": units is not None,
        "root": instance.root,
        "user": _user(instance.uid),
        "redis": {
            "server": describe(here.settings) if here.settings else None,
            "database": here.settings.db if here.settings else None,
            "readable": readable,
            "writable": readable and problem is None,
            "problem": problem,
        },
        **_shape(found),
    }


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
        return heartbeats, readable, str(failure)
    return heartbeats, readable, None


def _shape(found: Installation) -> Result:
    return {
        "workers": [_worker(worker) for worker in found.workers],
        "unmatched": [_silent(silent) for silent in found.unmatched],
        "foreign": [_foreign(worker) for worker in found.foreign],
    }


def _worker(worker: Worker) -> Result:
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
        "container": first.container if first else None,
        "engine": first.engine if first else None,
        "doubt": clean(worker.reason) if worker.reason else None,
        "processes": [_process(member, member.match) for member in worker.members if member.match is not None],
    }


def _process(member: Member, match: Match) -> Result:
    heartbeat = match.heartbeat
    return {
        "identity": heartbeat.identity,
        "pid": member.process.pid,
        "ticks": member.process.ticks,
        "busy": heartbeat.busy,
        "quiet": heartbeat.quiet,
        "alive": heartbeat.alive,
        "named": match.named,
        "started_at": iso(heartbeat.started_at),
        "started_epoch": None if heartbeat.started_at is None else round(heartbeat.started_at, 3),
    }


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
