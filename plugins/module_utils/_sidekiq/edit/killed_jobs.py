# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The jobs of a process that does not end by itself: recorded before, put back after, each once, whenever we die in between.

Before the kill an archive with them is sealed, Redis is told that they are taken out, and a hash says which stop is under
way. So whoever comes after us can end it: what is found elsewhere was never lost, and of the rest each step marks what it
puts back, in the same atomic step.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
import typing as t
from dataclasses import dataclass, field, replace

from ..archive.format import Entry
from ..archive.reader import Archive, read_header
from ..bitmap import bitmap_of, has_bit
from ..errors import BadOption, SidekiqError
from ..keys import Keys
from ..redis.batch import run_reader
from ..redis.clock import redis_time
from ..redis.failures import of_type
from ..regular_file import open_regular
from ..state.heartbeats import CERTAIN, wait_for_heartbeats
from ..state.job import Job, parse
from ..state.process import Work, read_process
from ..state.process_registry import sign_off
from ..text import text
from ..traversal.locate import RUNNING, name_of, whereabouts
from ..traversal.location import place_named
from .extract import RESTORED, TAKEN
from .job_archive import JobArchive, RunRecord
from .rotation import BITMAP_SECONDS
from .scripts.place import PLACE

STOPS: t.Final = "fediverse.mastodon:stops"
SILENT: t.Final = 30.0
"""Seconds without a heartbeat after which a process is taken for dead or hanging; three periods of the slowest."""

FATES: t.Final = {"restore": "restored", "dead": "dead", "drop": "dropped"}
"""What becomes of jobs that are lost, and what they are then."""

# KEYS: list, bitmap, queues. ARGV: queue, time to live of the bitmap, then number and member of each job, the next to run first.
# A full Redis refuses the first command, before anything has changed.
_TAIL: t.Final = """
redis.call('SETBIT', KEYS[2], ARGV[3], redis.call('GETBIT', KEYS[2], ARGV[3]))
redis.call('LLEN', KEYS[1])
redis.call('SADD', KEYS[3], ARGV[1])
local count = 0
for at = #ARGV - 1, 3, -2 do
  if redis.call('GETBIT', KEYS[2], ARGV[at]) == 0 then
    redis.call('RPUSH', KEYS[1], ARGV[at + 1])
    redis.call('SETBIT', KEYS[2], ARGV[at], 1)
    count = count + 1
  end
end
redis.call('EXPIRE', KEYS[2], ARGV[2])
return count
"""


@dataclass(frozen=True)
class Stop:
    """A stop that is under way. `ticks`: when the process started, None if the run did not see it on its host.

    `pid`: its pid there, which is another one than that of its heartbeat if it ran in a container. `pid_space`: within which
    pids a pid and its ticks mean this process; a host name would mean any host and container of that name.
    """

    identity: str
    archive: str
    fate: str
    pid_space: str
    ticks: int | None
    pid: int | None = None


@dataclass
class Ending:
    """How a stop ended. `jobs`: what became of the jobs of each `name_of`, which is mostly one."""

    jobs: dict[str | bytes, list[str]] = field(default_factory=dict)
    archive: str | None = None

    def add(self, job: Job, outcome: str) -> None:
        self.jobs.setdefault(name_of(job), []).append(outcome)


def check_directory(directory: str, check_mode: bool) -> None:
    """Raises BadOption if no archive can be written there; in check mode as far as that can be told without trying."""
    path = os.path.abspath(os.path.expanduser(directory))
    try:
        if not check_mode:
            os.makedirs(path, mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=path) as file:
                file.write(b"\n")
            return
        while not os.path.lexists(path):
            path = os.path.dirname(path)  # in which it would be made
        if not os.path.isdir(path):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(path, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        if not os.statvfs(path).f_bfree:  # nor has a file system of the kernel any, where root seems to be allowed all
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as problem:
        raise BadOption(
            f"No archive can be written to {directory}: {problem.strerror}. Nothing was touched.", "archive_directory"
        ) from None


def record(
    client: t.Any,
    key: Keys,
    directory: str,
    server: str,
    now: float,
    work: t.Iterable[Work],
    stop: Stop,
    run: RunRecord | None = None,
) -> tuple[Stop, JobArchive | None]:
    """Write down what runs in a process, so that it may be killed. Without jobs there is nothing to write.

    `run`: the run record that is to name the archive.
    """
    archive = JobArchive(client, key, directory, server, "stopped", now, run, process=stop.identity)
    try:
        archive.add(_entries(work))
        if not archive.count:
            return stop, None
        archive.seal()
        stop = replace(stop, archive=archive.path)
        pipe = client.pipeline(transaction=True)
        pipe.set(key(TAKEN, archive.id), bitmap_of(range(archive.count)), ex=BITMAP_SECONDS)
        pipe.hset(key(STOPS), stop.identity, json.dumps(vars(stop)))
        pipe.execute()
    except BaseException:
        archive.discard()
        raise
    return stop, archive


def under_way(client: t.Any, key: Keys) -> list[Stop]:
    """Stops that somebody began and did not end."""
    found = []
    with of_type(key(STOPS), "hash"):
        stops = client.hgetall(key(STOPS))
    for identity, stored in sorted(stops.items()):
        try:
            stop = Stop(**{**json.loads(stored), "identity": text(identity)})
        except (RecursionError, TypeError, ValueError):
            continue  # written by another release
        if _is_readable(stop):
            found.append(stop)
    return found


def _is_readable(stop: Stop) -> bool:
    """Whether each value is of its type: what Redis holds may come from anybody."""
    numbers: list[t.Any] = [number for number in (stop.ticks, stop.pid) if number is not None]
    words: list[t.Any] = [stop.archive, stop.pid_space]
    return (
        all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
        and all(isinstance(word, str) for word in words)
        and stop.fate in tuple(FATES)
    )


def why_useless(stop: Stop) -> str | None:
    """Why a stop cannot be ended any more, None if it can. Raises SidekiqError if another user might be able to."""
    try:
        open_regular(stop.archive).close()
    except (FileNotFoundError, NotADirectoryError):
        return f"Its archive {stop.archive} is not there any more."
    except OSError as problem:
        raise SidekiqError(
            f"The archive {stop.archive} of the stop of {stop.identity}, which an earlier run began, cannot be read:"
            f" {problem.strerror}. Run the task as the same user as that run."
        ) from None
    try:
        archive = Archive(stop.archive)
    except BadOption as problem:
        return str(problem)
    if archive.header.process != stop.identity:
        return f"Its archive {stop.archive} is about something else."
    return None


def is_here(stop: Stop) -> bool:
    """Whether the archive of a stop can be read on this host, which another host has under that name as rarely as its id."""
    try:
        return read_header(stop.archive).process == stop.identity
    except (BadOption, OSError):
        return False


def settle(
    client: t.Any, key: Keys, stop: Stop, now: float, job_archive: JobArchive | None = None, check_mode: bool = False
) -> Ending:
    """Find what became of the recorded jobs of a process that is gone, and do with the lost ones what the stop says."""
    archive = Archive(stop.archive)
    identity = archive.header.id
    entries = list(archive.entries())
    jobs = {number: parse(entry.raw) for number, entry in entries}
    ending = Ending(archive=stop.archive)
    back = _put_back(client, key, identity)
    places = _places(client, key, jobs, back, stop.identity)
    lost = []
    for number, entry in entries:
        place = places[number]
        if has_bit(back, number):
            ending.add(jobs[number], FATES[stop.fate])
        elif place is not None:
            ending.add(jobs[number], outcome_of(place))
        else:
            ending.add(jobs[number], FATES[stop.fate])
            lost.append((number, entry))
    if check_mode:
        return ending
    taken = bitmap_of(
        [number for number, _entry in lost] + [number for number, _entry in entries if has_bit(back, number)]
    )
    client.set(key(TAKEN, identity), taken, ex=BITMAP_SECONDS)
    if job_archive is not None:
        job_archive.outcome(taken)
    _dispose(client, key, identity, lost, stop.fate, now)
    pipe = client.pipeline(transaction=True)
    pipe.hdel(key(STOPS), stop.identity)
    sign_off(pipe, key, stop.identity)
    pipe.execute()
    return ending


def forget(client: t.Any, key: Keys, stop: Stop) -> None:
    """End a stop before which we died: its process runs on, so nothing was lost.

    An archive that the record of a run may name stays, and Redis says that nothing in it was taken.
    """
    try:
        archive = Archive(stop.archive)
        if archive.header.process != stop.identity:
            raise BadOption("Redis names an archive of something else.")
        if archive.header.run:
            client.set(key(TAKEN, archive.header.id), bitmap_of([]), ex=BITMAP_SECONDS)
        else:
            client.delete(key(TAKEN, archive.header.id))
            os.unlink(stop.archive)
    except (BadOption, OSError):
        pass  # nobody needs it any more
    give_up(client, key, stop)


def give_up(client: t.Any, key: Keys, stop: Stop) -> None:
    """Know no more of a stop."""
    client.hdel(key(STOPS), stop.identity)


def outcome_of(place: str) -> str:
    """What became of a job that is found in a place or running elsewhere."""
    return "pushed_back" if place == RUNNING or place.startswith("queue:") else "retried"


def still_lost(client: t.Any, key: Keys, archive: Archive, taken: bytes) -> bytes:
    """Of the jobs in an archive whose stop did not end, those that are lost indeed.

    Waits until every process has said by a heartbeat what it runs (at most 75 s), if a job is nowhere.
    Raises BadOption while the process may still run them.
    """
    identity, now = archive.header.process, redis_time(client)
    process, _work = run_reader(client, lambda batch: read_process(batch, key, lambda: now, identity))
    if process is not None and process.alive and (process.beat_age or 0.0) < SILENT:
        raise BadOption(
            f"The process {identity} has just beaten, so it may still run the jobs of the archive {archive.path}. Nothing was"
            f" restored. Run again when it has been silent for {SILENT:g} s.",
            "stop_process",
        )
    back = _put_back(client, key, archive.header.id)
    jobs: dict[int, Job] = {number: parse(entry.raw) for number, entry in archive.entries()}

    def read_lost() -> list[int]:
        places = _places(client, key, jobs, back, identity)
        return [
            number for number in jobs if has_bit(taken, number) and (has_bit(back, number) or places[number] is None)
        ]

    lost = read_lost()
    if not all(has_bit(back, number) for number in lost):
        # A job that another process has fetched since its last heartbeat is in no list yet.
        wait_for_heartbeats(client, key, CERTAIN, but=(identity,))
        lost = read_lost()
    return bitmap_of(lost)


def _put_back(client: t.Any, key: Keys, identity: str) -> bytes:
    """The jobs of an archive that were put back, as a bitmap."""
    with of_type(key(RESTORED, identity), "string"):
        return client.get(key(RESTORED, identity)) or b""


def _places(client: t.Any, key: Keys, jobs: t.Mapping[int, Job], back: bytes, identity: str) -> dict[int, str | None]:
    """Where each job is by now, None if nowhere. What is found once accounts for one of several jobs with the same jid."""
    where = whereabouts(client, key, list(jobs.values()), identity)
    place_of: dict[int, str | None] = {}
    for number in sorted(jobs, key=lambda number: not has_bit(back, number)):  # those that were put back first
        places = where.get(name_of(jobs[number]))
        place_of[number] = places.pop(0) if places else None
    return place_of


def _dispose(
    client: t.Any, key: Keys, identity: str, lost: t.Sequence[tuple[int, Entry]], fate: str, now: float
) -> None:
    bitmap = key(RESTORED, identity)
    if fate == "dead" and lost:
        arguments: list[t.Any] = [key.prefix, BITMAP_SECONDS, repr(now), "add"]
        for number, entry in lost:
            arguments += [entry.raw, number, repr(now), "", "", 0]
        client.register_script(PLACE)([key("dead"), bitmap, key(TAKEN, identity)], arguments)
    if fate != "restore":
        return
    tail = client.register_script(_TAIL)
    for name in sorted({entry.place for _number, entry in lost}):
        place = place_named(name)
        arguments = [place.queue, BITMAP_SECONDS]
        for number, entry in lost:
            if entry.place == name:
                arguments += [number, entry.raw]
        tail([place.key(key), bitmap, key("queues")], arguments)


def _entries(work: t.Iterable[Work]) -> t.Iterator[Entry]:
    """The running jobs as entries of an archive, in the order in which each queue had them."""
    positions: dict[str, int] = {}
    for running in sorted(work, key=lambda running: (_queue(running), running.run_at or 0.0)):
        if not running.job.malformed:
            place = f"queue:{_queue(running)}"
            yield Entry(place, running.job.raw, None, positions.setdefault(place, 0))
            positions[place] += 1


def _queue(running: Work) -> str:
    return running.queue or running.job.queue or "default"
