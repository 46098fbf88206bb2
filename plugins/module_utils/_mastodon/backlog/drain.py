# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Workers for a time: transient units of systemd that are what the stock unit is, but for their queues, threads and memory.

Their environment goes into a file that only root can read, because the command line of `systemd-run` is there for everybody.
"""

from __future__ import annotations

import itertools
import re
import shlex
import typing as t
from dataclasses import dataclass, replace

from ..._sidekiq.errors import BadOption
from ..installation.systemd.sidekiq_command import env_variables, with_variables
from ..workers.host import Host
from .plan import SCHEDULER

STEM: t.Final = "mastodon-drain"
FOLDER: t.Final = "/run"
_SHUTDOWN: t.Final = 25
"""Seconds that Sidekiq gives its jobs before it pushes them back; systemd must wait for longer."""
_OURS: t.Final = {
    "Type", "ExecStart", "ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost", "Restart", "RestartSec",
    "TimeoutSec", "TimeoutStopSec", "TimeoutStartSec", "WatchdogSec", "Environment", "PIDFile", "MemoryMax", "MemoryHigh",
    "NotifyAccess", "KillMode", "KillSignal",
}  # fmt: skip
_SPARE_CONNECTIONS: t.Final = 5
_TAG: t.Final = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class DrainRequest:
    """`memory`: bytes for each process. `deadline`: seconds after which systemd itself ends it, whatever became of us.

    `tag`: of the processes, and what the names of their units begin with.
    """

    queues: t.Sequence[str]
    workers: int
    threads: int
    memory: int
    deadline: float
    tag: str = STEM


def plan_drain(
    host: Host, request: DrainRequest, free_connections: int | None, free_memory: int | None
) -> dict[str, t.Any]:
    """`units`: name, command (argv), file and text of the environment. `refusals`, `warnings`: in sentences."""
    if not _TAG.fullmatch(request.tag):
        raise BadOption(f"tag: {request.tag!r} is no tag; it has small letters, digits and hyphens, as mastodon-drain.")
    if SCHEDULER in request.queues:
        raise BadOption(
            "The queue scheduler must never run in more than one process: its recurring jobs would be made twice."
            " Take it out of the queues of the drain workers."
        )
    workers, threads, refusals, warnings = request.workers, request.threads, [], []
    if free_connections is None:
        warnings.append("PostgreSQL could not be asked for its free connections; look at max_connections yourself.")
    else:
        room = free_connections - _SPARE_CONNECTIONS
        if room < workers * threads:
            fitting = max(0, room // workers) if workers else 0
            warnings.append(
                f"PostgreSQL has {free_connections} free connections: {fitting} threads a worker instead of {threads}."
            )
            threads = fitting
        if threads < 1:
            refusals.append(f"PostgreSQL has only {free_connections} free connections, none to spare for more threads.")
    if free_memory is not None and free_memory < workers * request.memory:
        fitting = free_memory // request.memory
        warnings.append(f"{free_memory // 1048576} MiB of memory are free: {fitting} workers instead of {workers}.")
        workers = fitting
        if workers < 1:
            refusals.append(
                f"{free_memory // 1048576} MiB of free memory are too few for a worker of {request.memory // 1048576} MiB."
            )
    if refusals or not request.queues:
        return {"units": [], "threads": 0, "refusals": refusals, "warnings": [] if refusals else warnings}
    numbers = itertools.islice(_free_numbers(host, request.tag), workers)
    units = [_unit(host, request, threads, number) for number in numbers]
    return {"units": units, "threads": threads * workers, "refusals": [], "warnings": warnings}


def _free_numbers(host: Host, tag: str) -> t.Iterator[int]:
    """The numbers of units that no other instance has, nor anything whose jobs are not known."""
    return (number for number in itertools.count(1) if _name(tag, number) not in {*host.foreign, *host.doubts})


def _name(tag: str, number: int) -> str:
    return f"{tag}-{number}.service"


def _unit(host: Host, request: DrainRequest, threads: int, number: int) -> dict[str, t.Any]:
    name = _name(request.tag, number)
    path = f"{FOLDER}/{request.tag}-{number}.env"
    command = host.command
    pool = {"DB_POOL": str(threads)}
    wanted = replace(
        with_variables(command, pool if "DB_POOL" in env_variables(command.start) else {}),
        rest=(*command.rest, "-g", request.tag),
        concurrency=str(threads),
        timeout=str(_SHUTDOWN),
        queues=tuple(request.queues),
    )
    words = shlex.split(wanted.text())
    if any(re.search(r"[$%]", word) for word in words):
        raise BadOption(
            f"ExecStart= of {host.stock_name} has $ or % in it, which a transient unit does not take as they are meant."
        )
    properties = [f"{key}={value}" for key, value in host.stock.settings() if key not in _OURS]
    properties += [
        f"EnvironmentFile={path}",
        f"TimeoutStopSec={_SHUTDOWN + 10}",
        f"MemoryMax={request.memory}",
        f"RuntimeMaxSec={int(request.deadline)}",
    ]
    argv = ["systemd-run", "--quiet", "--collect", "--no-ask-password", f"--unit={name}", "--service-type=simple"]
    argv += [f"--description=Sidekiq for a time ({', '.join(request.queues)})"]
    argv += [word for entry in properties for word in ("-p", entry)]
    # This file is the last one and wins, so what another file sets must not be in it.
    of_unit = {name: value for name, value in host.stock.environment().items() if name not in host.file_variables}
    environment = {**of_unit, **pool}
    text = "".join(f"{key}={_quoted(value)}\n" for key, value in environment.items())
    return {"name": name, "argv": [*argv, "--", *words], "file": path, "environment": text}


def _quoted(value: str) -> str:
    """For EnvironmentFile=; between double quotes a backslash protects four characters."""
    escaped = re.sub(r'(["\\$`])', r"\\\1", value)
    return f'"{escaped}"'
