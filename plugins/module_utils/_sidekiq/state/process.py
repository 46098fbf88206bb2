# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Processes: the registry `processes`, a heartbeat hash for each, and a hash of the jobs that run in it.

A heartbeat comes every 5 s (Sidekiq 6) or 10 s (7, 8) and lives for 60 s. A process that crashed stays in the registry
until somebody prunes it: such a member without a heartbeat is a dead process. So is one whose host name and pid belong to a
newer process, although its heartbeat has not expired yet.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..errors import refuse_more
from ..keys import PROCESSES, Keys
from ..redis.batch import Answer, Batch, Reader
from ..text import clean, text, text_or_none
from ..times import number
from .job import Job, parse
from .superseded import superseded

MOST: t.Final = 5_000
"""Processes that are read; a large instance has some hundreds."""

_FIELDS = ("info", "concurrency", "busy", "beat", "quiet", "rss", "rtt_us")
_LARGEST = 2**63  # nothing that a process counts comes near it


@dataclass(frozen=True)
class Process:
    """A process as of its last heartbeat; times in epoch seconds, ages in seconds.

    `alive`: its heartbeat has not expired, and no newer process has its host name and pid. Of a dead process only the
    identity is known, unless it is `superseded`: then its last heartbeat and its jobs are still there.
    `quiet`: takes no new jobs, because it was told so or because it is stopping.
    """

    identity: str
    alive: bool
    hostname: str | None = None
    pid: int | None = None
    tag: str | None = None
    version: str | None = None
    concurrency: int = 0
    busy: int = 0
    quiet: bool = False
    rss_bytes: int | None = None
    rtt_us: int | None = None
    beat: float | None = None
    beat_age: float | None = None
    started_at: float | None = None
    queues: tuple[str, ...] = ()
    weights: t.Mapping[str, int] | None = None
    labels: tuple[str, ...] = ()
    embedded: bool = False
    superseded: bool = False

    @property
    def has_heartbeat(self) -> bool:
        """Whether Redis still has its last heartbeat, from which its jobs can be restored."""
        return self.alive or self.superseded


@dataclass(frozen=True)
class Work:
    """A job that ran at the last heartbeat of its process. `run_at` in epoch seconds, `elapsed` in seconds."""

    identity: str
    thread: str
    queue: str | None
    run_at: float | None
    elapsed: float | None
    job: Job


def read_processes(
    batch: Batch, key: Keys, now: t.Callable[[], float], work: bool = True
) -> Reader[tuple[list[Process], list[Work]]]:
    """Processes (dead ones too) by identity, and what runs in them, longest first; two round trips."""
    names = batch.ask("smembers", key(PROCESSES))
    yield
    refuse_more(MOST, "processes", len(names.get(())), text(key(PROCESSES)))
    asked = [
        (
            name,
            batch.ask("hmget", key(name), _FIELDS),
            # the same hash under the name of 6.4.2 and newer and under the older one
            [batch.ask("hgetall", key(name, suffix)) for suffix in (":work", ":workers")] if work else [],
        )
        for name in sorted(names.get(()))
    ]
    yield
    processes = _told_apart([_process(name, beat, now()) for name, beat, _works in asked])
    running = [
        work_unit for name, _beat, works in asked for answer in works for work_unit in _work(name, answer, now())
    ]
    running.sort(
        key=lambda work_unit: (work_unit.run_at is None, work_unit.run_at or 0, work_unit.identity, work_unit.thread)
    )
    return processes, running


def read_process(
    batch: Batch, key: Keys, now: t.Callable[[], float], identity: str
) -> Reader[tuple[Process | None, list[Work]]]:
    """One process and what runs in it; None if the registry does not have it."""
    member = batch.ask("sismember", key(PROCESSES), identity)
    beat = batch.ask("hmget", key(identity), _FIELDS)
    works = [batch.ask("hgetall", key(identity, suffix)) for suffix in (":work", ":workers")]
    yield
    name = identity.encode()
    running = [work_unit for answer in works for work_unit in _work(name, answer, now())]
    return (_process(name, beat, now()) if member.get(0) else None), running


def _told_apart(processes: list[Process]) -> list[Process]:
    """With those marked as dead that a newer process has replaced."""
    older = superseded(processes)
    return [
        replace(process, alive=False, superseded=process.alive) if process.identity in older else process
        for process in processes
    ]


def _process(name: bytes, answer: Answer, now: float) -> Process:
    fields = dict(zip(_FIELDS, answer.get((None,) * len(_FIELDS))))
    identity, info, busy = text(name), _object(fields["info"]), _integer(fields["busy"], 0)
    hostname, pid = _host_and_pid(identity)
    if not info:
        return Process(identity, alive=False, hostname=hostname, pid=pid, busy=busy or 0)
    beat, rss = number(fields["beat"]), _integer(fields["rss"])
    concurrency = _integer(fields["concurrency"])
    weights = _weights(info)
    queues = info.get("queues")
    return Process(
        identity,
        alive=True,
        hostname=text_or_none(info.get("hostname")) or hostname,
        pid=_integer(info.get("pid"), pid),
        tag=text_or_none(info.get("tag")),
        version=text_or_none(info.get("version")),
        # 8.1.2 moved it out of info into a field of its own
        concurrency=(concurrency if concurrency is not None else _integer(info.get("concurrency"), 0)) or 0,
        busy=busy or 0,
        quiet=fields["quiet"] == b"true",
        rss_bytes=None if rss is None else rss * 1024,
        rtt_us=_integer(fields["rtt_us"]),
        beat=beat,
        beat_age=None if beat is None else now - beat,
        started_at=number(info.get("started_at")),
        # "queues" is announced to go with Sidekiq 9; the weights name them too
        queues=tuple(clean(str(name)) for name in queues) if isinstance(queues, list) else tuple(weights or ()),
        weights=weights,
        labels=tuple(clean(str(label)) for label in info["labels"]) if isinstance(info.get("labels"), list) else (),
        embedded=info.get("embedded") is True,
    )


def _work(name: bytes, answer: Answer, now: float) -> t.Iterator[Work]:
    for thread, stored in sorted(answer.get({}).items()):
        entry = _object(stored)
        payload = entry.get("payload")
        if isinstance(payload, str):  # JSON inside JSON in 6.4 to 8.1
            job = parse(_bytes(payload))
        elif isinstance(payload, dict):
            job = Job(bytes(stored), payload)
        else:
            job = Job(bytes(stored), {}, "not JSON")
        run_at = number(entry.get("run_at"))
        elapsed = None if run_at is None else max(0.0, now - run_at)
        yield Work(text(name), text(thread), text_or_none(entry.get("queue")), run_at, elapsed, job)


def _bytes(payload: str) -> bytes:
    """The bytes behind the text; of a surrogate that JSON wrote as an escape, that escape."""
    try:
        return payload.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return payload.encode("utf-8", "backslashreplace")


def _host_and_pid(identity: str) -> tuple[str | None, int | None]:
    parts = identity.rsplit(":", 2)  # a host name may hold anything but the last two colons
    return (parts[0], _integer(parts[1])) if len(parts) == 3 else (None, None)


def _weights(info: t.Mapping[str, t.Any]) -> dict[str, int] | None:
    """Queue -> weight over all capsules: a list of hashes since 7.0.2, and inside `capsules` since 8.0.9."""
    tables = info.get("weights")
    if isinstance(tables, dict):
        tables = [tables]
    if not isinstance(tables, list):
        capsules = info.get("capsules")
        if not isinstance(capsules, dict):
            return None
        tables = [capsule.get("weights") for capsule in capsules.values() if isinstance(capsule, dict)]
    return {
        clean(str(name)): _integer(weight, 0) or 0
        for table in tables
        if isinstance(table, dict)
        for name, weight in table.items()
    }


def _object(raw: t.Any) -> t.Mapping[str, t.Any]:
    return parse(raw).payload if isinstance(raw, bytes) else {}


def _integer(value: t.Any, default: int | None = None) -> int | None:
    integer = number(value)
    return default if integer is None or abs(integer) >= _LARGEST else int(integer)
