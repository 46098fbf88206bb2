# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The declared workers, completed by what the stock unit says, and what must be refused."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..installation.effective import DEFAULT_TIMEOUT, Effective, with_capsules
from ..installation.surroundings import Server
from ..installation.systemd.timespan import parse_timespan
from ..installation.systemd.unit_file import FOREVER
from ..installation.unit_facts import DIGEST
from ..jobs import aliases
from ..settings.numbers import first_number, whole_number
from .host import Host

STOCK: t.Final = "stock"
"""The name by which the stock unit is declared."""
HARD_SHUTDOWN: t.Final = 5
"""Seconds that Sidekiq needs after its own timeout to push back what still runs (manager.rb: up to 3) and to exit."""
MANY_THREADS: t.Final = 25
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_QUEUE = re.compile(r"[A-Za-z0-9][\w.-]*")
_MEMORY = re.compile(r"\d+(?:\.\d+)?[KMGT]?|\d+(?:\.\d+)?%|infinity")
_OWN_OPTION: t.Final[t.Mapping[str, str]] = {
    "DB_POOL": "db_pool",
    "LD_PRELOAD": "jemalloc",
    "SIDEKIQ_CONCURRENCY": "threads",
    DIGEST: "nothing (the role keeps it for itself)",
}


@dataclass(frozen=True)
class Worker:
    """What one declared entry comes to. `units`: one for each instance.

    `queues`: name and weight (None: strict order), empty for those of the stock unit; `serves`: their names in any
    case. `threads`, `pool`, `timeout` and `stop` are what takes effect, `set_...` whether the entry says so.
    """

    name: str
    units: tuple[str, ...]
    queues: tuple[tuple[str, int | None], ...]
    serves: tuple[str, ...]
    threads: int
    pool: int
    timeout: int
    stop: int
    set_threads: bool = False
    set_pool: bool = False
    set_timeout: bool = False
    set_stop: bool = False
    memory_max: str = ""
    memory_high: str = ""
    jemalloc: bool | None = None
    environment: tuple[tuple[str, str], ...] = ()
    capsule_threads: int = 0

    @property
    def all_threads(self) -> int:
        return self.threads + self.capsule_threads


@dataclass(frozen=True)
class Limits:
    """What the rest of the instance takes. `required` queues: none means those of the release."""

    required: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    max_connections: int | None = None
    reserved_connections: int | None = None
    other_connections: int = 0


@dataclass(frozen=True)
class Declared:
    workers: tuple[Worker, ...]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    required: tuple[str, ...]
    connections: str = ""


def declare(
    entries: t.Sequence[t.Mapping[str, t.Any]],
    host: Host,
    limits: Limits,
    served_elsewhere: t.Mapping[str, t.Sequence[str]],
) -> Declared:
    """`served_elsewhere`: queue -> the live processes that take from it and belong to no unit of this host."""
    no: list[str] = []
    warn: list[str] = []
    _command = host.command  # nothing can be said of a host without it, not even that no worker is declared
    stock = host.effective
    workers = [_worker(entry, host, stock, no) for entry in entries]
    _names(workers, no)
    unknown = list(_unknown(entries, host, stock))
    if unknown:  # no sum and no set of queues would be true
        return Declared(tuple(workers), (*no, *unknown), (), tuple(limits.required or host.queues))
    required = limits.required or host.queues
    _queues(workers, required, limits.elsewhere, served_elsewhere, no, warn)
    for worker in workers:
        _numbers(worker, host, no, warn)
    connections = _connections(workers, host, limits, no, warn)
    _exporter(workers, host, warn)
    return Declared(tuple(workers), tuple(no), tuple(warn), tuple(required), connections)


def _worker(entry: t.Mapping[str, t.Any], host: Host, stock: Effective, no: list[str]) -> Worker:
    name = str(entry.get("name") or "")
    if not _NAME.fullmatch(name):
        no.append(f"workers_units: {name!r} is no name for a unit. Use letters, digits, - and _, such as pull.")
    queues = _parse_queues(name, entry.get("queues") or (), no)
    threads, timeout = entry.get("threads"), entry.get("timeout")
    effective_threads = first_number(threads, stock.threads) or 0
    effective_timeout = first_number(timeout, stock.timeout, DEFAULT_TIMEOUT) or 0
    capsules = stock.capsules or ()
    capsule_threads = sum(capsule.threads for capsule in capsules)
    stop = entry.get("stop_timeout")
    stock_stop = host.stock.stop_timeout()
    enough = effective_timeout + HARD_SHUTDOWN
    # The stock unit's 15 s are less than Sidekiq's 25: what is not declared is made safe, what is declared is judged.
    effective_stop = (
        _seconds(name, stop, no) if stop is not None else stock_stop if stock_stop >= enough else enough + 5
    )
    pool = entry.get("db_pool")
    environment = entry.get("environment") or {}
    for key in environment:
        if key in _OWN_OPTION:
            no.append(f"Worker {name}: set {_OWN_OPTION[key]}, not {key} in its environment.")
        elif not re.fullmatch(r"[A-Za-z_]\w*", str(key)):
            no.append(f"Worker {name}: {key!r} is no name of a variable.")
        elif "\n" in str(environment[key]):
            no.append(f"Worker {name}: the variable {key} must be one line.")
        elif key in host.fixed_variables:
            no.append(
                f"Worker {name}: {key} is set in {host.fixed_variables[key]}, which wins over the environment of a unit. Remove"
                f" it there, or change it there for all."
            )
    for key in ("memory_max", "memory_high"):
        if entry.get(key) and not _MEMORY.fullmatch(str(entry[key])):
            no.append(
                f"Worker {name}: {key} is {entry[key]!r}; systemd takes a number of bytes such as 900M or 2G, a share such as 40%, or infinity."
            )
    return Worker(
        name,
        _unit_names(name, int(entry.get("instances") or 1), host.stock_name),
        tuple(queues),
        tuple(queue for queue, _weight in with_capsules(queues or stock.queues or (), capsules)),
        effective_threads,
        first_number(pool, None if threads is None else (first_number(threads) or 0) + capsule_threads, stock.pool)
        or 0,
        effective_timeout,
        10**9 if effective_stop == float("inf") else int(effective_stop),
        set_threads=threads is not None,
        set_pool=pool is not None or threads is not None,
        set_timeout=timeout is not None,
        set_stop=stop is not None or stock_stop < enough,
        memory_max=str(entry.get("memory_max") or ""),
        memory_high=str(entry.get("memory_high") or ""),
        jemalloc=entry.get("jemalloc"),
        environment=tuple(sorted((str(key), str(value)) for key, value in environment.items())),
        capsule_threads=capsule_threads,
    )


_OPTIONS: t.Final = {"threads": "threads", "queues": "queues", "pool": "db_pool", "timeout": "timeout"}


def _unknown(entries: t.Sequence[t.Mapping[str, t.Any]], host: Host, stock: Effective) -> t.Iterator[str]:
    """What neither an entry nor the stock unit tells."""
    for entry in entries:
        said = {*entry, *(("db_pool",) if entry.get("threads") else ())}
        for key, option in _OPTIONS.items():
            if key in stock.unknown and option not in said:
                yield (
                    f"Worker {entry.get('name')}: {option} of {host.stock_name} is not known, so it must be declared."
                    f" {stock.unknown[key]}"
                )
    if "capsules" in stock.unknown:
        yield f"Which capsules a Sidekiq of this host has is not known. {stock.unknown['capsules']}"


def _seconds(name: str, value: t.Any, no: list[str]) -> float:
    seconds = parse_timespan(str(value))
    if seconds is None:
        no.append(
            f"Worker {name}: stop_timeout is {value!r}; it must be seconds, such as 60, or a time span of systemd, such as 2min."
        )
    return seconds or FOREVER


def _parse_queues(name: str, entries: t.Sequence[t.Any], no: list[str]) -> list[tuple[str, int | None]]:
    """Names, `name,weight` as on Sidekiq's command line, or dictionaries with name and weight."""
    found: list[tuple[str, int | None]] = []
    for entry in entries:
        if isinstance(entry, t.Mapping):
            queue, weight = str(entry.get("name") or ""), entry.get("weight")
            extra = set(entry) - {"name", "weight"}
        else:
            queue, comma, rest = str(entry).partition(",")
            weight, extra = (rest if comma else None), set()
        number = whole_number(weight)
        if extra or not _QUEUE.fullmatch(queue) or (weight is not None and not number):
            no.append(
                f"Worker {name}: {entry!r} is no queue. Write its name, or name and weight: {{name: push, weight: 6}}."
            )
            continue
        found.append((queue, number))
    twice = sorted({queue for queue, _weight in found if [other for other, _w in found].count(queue) > 1})
    if twice:
        no.append(f"Worker {name} names {_and(twice)} twice.")
    return found


def _unit_names(name: str, instances: int, stock: str) -> tuple[str, ...]:
    stem = stock.rpartition(".")[0]
    first = stem if name == STOCK else f"{stem}-{name}"
    return tuple(f"{first}{'' if number == 1 else f'-{number}'}.service" for number in range(1, max(1, instances) + 1))


def _names(workers: t.Sequence[Worker], no: list[str]) -> None:
    units = [unit for worker in workers for unit in worker.units]
    for unit in sorted({unit for unit in units if units.count(unit) > 1}):
        who = list(dict.fromkeys(worker.name for worker in workers if unit in worker.units))
        no.append(f"{unit} would be written more than once, for {_and(who)}. Give other names or fewer instances.")


def _queues(
    workers: t.Sequence[Worker],
    required: t.Sequence[str],
    declared_elsewhere: t.Sequence[str],
    served_elsewhere: t.Mapping[str, t.Sequence[str]],
    no: list[str],
    warn: list[str],
) -> None:
    here = {queue for worker in workers for queue in worker.serves}
    outside = {*declared_elsewhere, *served_elsewhere}
    missing = [queue for queue in required if queue not in here | outside and queue != "scheduler"]
    if missing:
        no.append(
            f"No worker serves {_and(missing)}: jobs there would wait for ever. Add {'it' if len(missing) == 1 else 'them'} to a"
            " worker's queues (Mastodon names the queues of its release in config/sidekiq.yml), or to workers_queues_elsewhere"
            " if another host serves them."
        )
    _scheduler(workers, required, declared_elsewhere, served_elsewhere.get("scheduler", ()), no)
    known = {*required, *outside}
    for worker in workers:
        for queue in dict.fromkeys(queue for queue, _weight in worker.queues if queue not in known):
            meant = aliases.QUEUES.get(queue)
            if meant:
                no.append(f"Worker {worker.name}: Mastodon has no queue {queue}; what is meant is in {_and(meant)}.")
            else:
                warn.append(f"Worker {worker.name} serves {queue}, which is no queue of this Mastodon.")


def _scheduler(
    workers: t.Sequence[Worker],
    required: t.Sequence[str],
    declared: t.Sequence[str],
    seen: t.Sequence[str],
    no: list[str],
) -> None:
    here = [unit for worker in workers if "scheduler" in worker.serves for unit in worker.units]
    outside = list(seen) or (["another host (workers_queues_elsewhere)"] if "scheduler" in declared else [])
    if len(here) + len(outside) > 1:
        no.append(
            f"scheduler would be served by {len(here) + len(outside)} processes: {_and([*here, *outside])}. Recurring jobs would be"
            " enqueued by each of them: exactly one process may serve it. Take it out of the others' queues, or give the"
            " worker that has it one instance. (One that was killed counts for a minute.)"
        )
    elif not here and not outside and "scheduler" in required:
        no.append(
            "No worker serves scheduler: scheduled posts, trends and clean-ups would stop. Add it to the queues of exactly"
            " one worker, or to workers_queues_elsewhere if another host serves it."
        )


def _numbers(worker: Worker, host: Host, no: list[str], warn: list[str]) -> None:
    if worker.threads < 1:
        no.append(f"Worker {worker.name} has no threads; threads must be 1 or more.")
    if worker.all_threads > worker.pool:
        capsules = f" ({worker.capsule_threads} of them in capsules)" if worker.capsule_threads else ""
        no.append(
            f"Worker {worker.name} has {worker.all_threads} threads{capsules} and a DB pool of {worker.pool}: threads would wait for"
            f" each other's connections. Set db_pool to {worker.all_threads} or more, or fewer threads."
        )
    if worker.threads > MANY_THREADS:
        warn.append(
            f"Worker {worker.name} has {worker.threads} threads in one process. Ruby runs one of them at a time: more processes"
            f" (instances) of at most {MANY_THREADS} threads do more."
        )
    if worker.stop < worker.timeout + HARD_SHUTDOWN:
        no.append(
            f"Worker {worker.name}: systemd would kill it {worker.stop} s after the stop, and Sidekiq waits {worker.timeout} s for"
            f" running jobs and then pushes them back. They would be lost. Set stop_timeout to"
            f" {worker.timeout + HARD_SHUTDOWN} or more, or timeout to less."
        )
    if worker.jemalloc and not host.jemalloc:
        no.append(
            f"Worker {worker.name}: jemalloc is not installed on this host. Install libjemalloc2 (Debian, Ubuntu) or jemalloc."
        )
    if worker.memory_max and worker.memory_max != "infinity":
        warn.append(
            f"Worker {worker.name}: a process that needs more than {worker.memory_max} is killed, and its running jobs with it."
            + ("" if worker.memory_high else " memory_high, somewhat lower, slows it down first.")
        )


def _connections(workers: t.Sequence[Worker], host: Host, limits: Limits, no: list[str], warn: list[str]) -> str:
    """The sum of what may connect to PostgreSQL, as a line of arithmetic; refused if it is more than PostgreSQL takes."""
    parts = [
        (len(worker.units) * worker.pool, f"{worker.name} {len(worker.units)} x {worker.pool}") for worker in workers
    ]
    if limits.reserved_connections is not None:
        parts.append((limits.reserved_connections, f"web and streaming {limits.reserved_connections}"))
    else:
        parts += server_connections(host.web, host.streaming)
    if host.reserved:
        parts.append((host.reserved, f"kept by PostgreSQL {host.reserved}"))
    if limits.other_connections:
        parts.append((limits.other_connections, f"other hosts {limits.other_connections}"))
    total, line = sum(count for count, _text in parts), " + ".join(text for _count, text in parts)
    allowed = limits.max_connections if limits.max_connections is not None else host.max_connections
    if allowed is None:
        warn.append(
            f"PostgreSQL's max_connections could not be read, so nobody checked that {total} connections are free ({line})."
            " Set workers_max_connections."
        )
        return f"{line} = {total}"
    if total > allowed:
        message = f"{line} = {total} connections to PostgreSQL, whose max_connections is {allowed}."
        if (host.variable("PREPARED_STATEMENTS") or "").lower() == "false":
            warn.append(f"{message} Not refused, as PREPARED_STATEMENTS=false says that PgBouncer stands between.")
        else:
            no.append(f"{message} Fewer threads, or a larger max_connections, or PgBouncer.")
    return f"{line} = {total} of {allowed}"


def server_connections(web: Server | None, streaming: Server | None) -> list[tuple[int, str]]:
    """Connections to PostgreSQL of the web and streaming servers, each with its arithmetic."""
    return [
        (server.processes * server.pool, f"{name} {server.processes} x {server.pool}")
        for name, server in (("web", web), ("streaming", streaming))
        if server is not None
    ]


def _exporter(workers: t.Sequence[Worker], host: Host, warn: list[str]) -> None:
    several = sum(len(worker.units) for worker in workers) > 1
    name = "MASTODON_PROMETHEUS_EXPORTER_LOCAL"
    if several and (host.variable(name) or "").lower() == "true":
        warn.append(
            f"{name}=true lets each process listen on the same port; only the first can. Give each worker its own"
            " MASTODON_PROMETHEUS_EXPORTER_PORT in its environment, or use bin/prometheus_exporter."
        )


def _and(names: t.Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
