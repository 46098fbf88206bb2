# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Making processes quiet and ending them, so that no job is lost."""

from __future__ import annotations

import os
import signal
import time
import typing as t
from dataclasses import dataclass, field

from ..._sidekiq.edit.job_archive import JobArchive
from ..._sidekiq.edit.killed_jobs import (
    SILENT,
    Ending,
    Stop,
    forget,
    give_up,
    is_here,
    outcome_of,
    record,
    settle,
    under_way,
    why_useless,
)
from ..._sidekiq.errors import SidekiqError
from ..._sidekiq.file_lock import is_held
from ..._sidekiq.keys import Keys
from ..._sidekiq.redis.batch import run_reader
from ..._sidekiq.redis.clock import redis_time
from ..._sidekiq.state import signals
from ..._sidekiq.state.heartbeats import CERTAIN, wait_for_heartbeats
from ..._sidekiq.state.process import Process, Work, read_process
from ..._sidekiq.state.process_registry import sign_off
from ..._sidekiq.times import iso
from ..._sidekiq.traversal.locate import name_of, whereabouts
from ..host.process import Local, is_gone
from ..installation.kernel import pid_space
from ..runbook.edits import Run

_PAUSE, _SHORT_PAUSE = 0.25, 0.02
_LAST_MOMENTS = 10.0  # seconds in which the kernel must have ended what was killed


@dataclass(frozen=True)
class Means:
    """What a stop works with. `deadline` by time.monotonic(), `timeout` the option behind it in seconds.

    `run`: the run whose record is to name the archives.
    """

    client: t.Any
    key: Keys
    server: str
    archive_dir: str
    fate: str
    timeout: float
    deadline: float
    run: Run | None = None

    @property
    def late(self) -> bool:
        return time.monotonic() > self.deadline


@dataclass
class Stopped:
    """How a process ended. `work`: its jobs as last recorded; `complete`: whether that record was whole when it ended."""

    work: tuple[Work, ...] = ()
    complete: bool = True
    ending: Ending = field(default_factory=Ending)
    warnings: list[str] = field(default_factory=list)


class TooSlow(SidekiqError):
    """A process has not become what it should within the time that the task gives it."""


def send(means: Means, identities: t.Sequence[str], name: str) -> list[str]:
    """Leave a signal for those for which it does not lie there already; returns these."""
    waiting = signals.pending(means.client, means.key, identities)
    fresh = [identity for identity in identities if name not in waiting[identity]]
    for identity in fresh:
        signals.send(means.client, means.key, identity, name)
    return fresh


def await_quiet(means: Means, identity: str) -> None:
    """Until its heartbeat says that it takes no more jobs, or it has ended."""
    while True:
        process, _work = _look(means, identity)
        if process is None or not process.alive or process.quiet:
            return
        if means.late:
            raise TooSlow(f"The process {identity} is not quiet after {means.timeout:g} s. {_state(process)}")
        time.sleep(_PAUSE)


def await_end(means: Means, identity: str, local: Local | None, running: t.Iterable[Work] = ()) -> Stopped:
    """Until a process that was told to stop has ended, and what became of its jobs: those that are `running`, and later ones.

    A heartbeat between pushing back and signing off names no job any more. So of a process that has signed off every job
    counts that was seen; one that was killed is recorded as of its last heartbeat.
    """
    stopped = Stopped()
    seen = {(work.thread, name_of(work.job)): work for work in running}
    while True:
        process, work = _look(means, identity)
        seen.update({(work_unit.thread, name_of(work_unit.job)): work_unit for work_unit in work})
        if process is not None and process.alive and (len(work) == process.busy or not stopped.work):
            stopped.work = tuple(work)
        if process is None or not process.alive or (local is not None and is_gone(local.pid, local.ticks)):
            break
        if means.late:
            raise TooSlow(
                f"The process {identity} still runs after {means.timeout:g} s. {_state(process)} Raise wait_timeout above the"
                " timeout in its sidekiq.yml, or use signal: KILL on its host, which records and restores its jobs."
            )
        time.sleep(_PAUSE)
    if _has_signed_off(means, identity):
        stopped.work = tuple(seen.values())
        return _account(means, identity, stopped)
    stopped.complete = False
    stop, archive = _record(means, identity, stopped.work, local)
    _record_lost_jobs(means, stopped, stop, archive, certain=False)
    return stopped


def kill(means: Means, picked: Process, local: Local) -> Stopped:
    """Record what runs, kill it, and put back what is lost. It must have been sent TSTP."""
    stopped = _last_known_jobs(means, picked) if local.gone else _last_record(means, picked, local)
    if means.late and not is_gone(local.pid, local.ticks):
        raise TooSlow(
            f"The process {picked.identity} has not said within {means.timeout:g} s what it runs, so it was not killed; it is"
            f" quiet now. Give it a longer wait_timeout; two heartbeats take up to 20 s, and {SILENT:g} s tell that there are none."
        )
    if _has_signed_off(means, picked.identity):
        return _account(means, picked.identity, stopped)  # somebody else has stopped it meanwhile
    if not local.named and not stopped.complete:
        raise SidekiqError(
            f"The process {local.pid} of this host was told to be quiet, and the heartbeat {picked.identity} does not show it: they"
            f" may be two processes, as the heartbeat has another host name. Nothing was killed; the process {local.pid} is quiet"
            " now. Use signal: TERM, which works from anywhere."
        )
    try:
        stop, archive = _record(means, picked.identity, stopped.work, local)
    except SidekiqError as problem:
        raise SidekiqError(
            f"{problem} The process {picked.identity} was not killed; it is quiet now, and works again after a restart only."
            " Run the task again once the archive can be written, or restart it.",
            problem.hint,
            problem.origin,
        ) from None
    try:
        if not is_gone(local.pid, local.ticks):
            os.kill(local.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has just ended by itself
    except PermissionError:
        if stop.archive:
            forget(means.client, means.key, stop)
        raise _not_allowed(picked) from None
    _await_death(picked, local, stop)
    _record_lost_jobs(means, stopped, stop, archive, certain=stopped.complete and not picked.quiet)
    return stopped


def send_tstp(process: Process, local: Local) -> bool:
    """Tell a process of this host at once to take no more jobs. Returns whether it was there to be told."""
    if local.gone:
        return False
    try:
        os.kill(local.pid, signal.SIGTSTP)
    except ProcessLookupError:
        return False
    except PermissionError:
        raise _not_allowed(process) from None
    return True


@dataclass(frozen=True)
class Earlier:
    """A stop that an earlier run began. `ending`: None if it was given up; `told` says so."""

    stop: Stop
    ending: Ending | None
    report: str


def end_earlier(client: t.Any, key: Keys, now: float, check_mode: bool) -> list[Earlier]:
    """End what runs of this host began that were killed themselves; give up what cannot be ended any more.

    A stop whose run still works, and one of another host, are left to those who began them.
    """
    earlier = []
    for stop in under_way(client, key):
        if is_held(stop.archive) or not (_same_pids(stop) or is_here(stop)):
            continue
        ended = _has_ended(client, key, stop, now)
        if not ended:
            if ended is not None and not check_mode:
                forget(client, key, stop)
            continue
        useless = why_useless(stop)
        if useless is None:
            wait_for_heartbeats(client, key, CERTAIN, but=(stop.identity,))
            ending = settle(client, key, stop, now, check_mode=check_mode)
            report = f"Ended the stop of {stop.identity}, which an earlier run began, with {stop.archive}."
            earlier.append(Earlier(stop, ending, report))
        else:
            if not check_mode:
                give_up(client, key, stop)
            report = f"Gave up the stop of {stop.identity}, which an earlier run began. {useless}"
            earlier.append(Earlier(stop, None, report))
    return earlier


def _same_pids(stop: Stop) -> bool:
    return bool(stop.pid_space) and stop.pid_space == pid_space()


def _has_ended(client: t.Any, key: Keys, stop: Stop, now: float) -> bool | None:
    """Whether the process of a stop has ended; None if only its next heartbeats can tell.

    After a reboot, and seen from another container, its pid means nothing, and its last heartbeat outlives it for a minute.
    """
    if stop.ticks is not None and stop.pid is not None and _same_pids(stop):
        return is_gone(stop.pid, stop.ticks)
    process, _work = run_reader(client, lambda batch: read_process(batch, key, lambda: now, stop.identity))
    if process is None or not process.alive:
        return True
    return False if stop.ticks is None else None


def _has_signed_off(means: Means, identity: str) -> bool:
    """Whether a process that has ended did so by itself, having pushed back what it could not finish.

    Then it has left the registry and its last heartbeat is still there; one that somebody pruned has none any more.
    """
    process, _work = _look(means, identity)
    return process is None and bool(means.client.exists(means.key(identity)))


def _account(means: Means, identity: str, stopped: Stopped) -> Stopped:
    """What became of the jobs of one that has signed off."""
    jobs = [work_unit.job for work_unit in stopped.work]
    where = whereabouts(means.client, means.key, jobs, identity)
    if sum(map(len, where.values())) < len(
        jobs
    ):  # they have finished, or another process has fetched what was pushed back
        wait_for_heartbeats(means.client, means.key, CERTAIN, but=(identity,))
        where = whereabouts(means.client, means.key, jobs, identity)
    for work_unit in stopped.work:
        places = where.get(name_of(work_unit.job))
        stopped.ending.add(work_unit.job, outcome_of(places.pop(0)) if places else "finished")
    return stopped


def _last_record(means: Means, picked: Process, local: Local) -> Stopped:
    """The jobs that run in a process that was made quiet, as of a heartbeat that began after it was.

    The first heartbeat that says quiet may have looked at the jobs before, so it takes one more. A process that does
    not beat is recorded as of its last heartbeat.
    """
    stopped = Stopped(complete=False)
    quiet_beat, last_beat = None, picked.beat
    silent_since = time.monotonic() - max(0.0, picked.beat_age or 0.0)
    while not means.late:
        process, work = _look(means, picked.identity)
        if process is None:
            break
        whole = len(work) == process.busy
        if process.alive and (whole or not stopped.work):
            stopped.work = tuple(work)
        if is_gone(local.pid, local.ticks):
            break
        if process.beat != last_beat:
            last_beat, silent_since = process.beat, time.monotonic()
        if process.quiet and whole:
            quiet_beat = quiet_beat or process.beat
            if process.beat != quiet_beat:
                stopped.complete = True
                break
        if time.monotonic() - silent_since > SILENT:
            stopped.warnings.append(
                f"The process {picked.identity} has not beaten since {iso(picked.beat)}: its jobs were recorded as of then, and one"
                " that it took or finished since is not known."
            )
            break
        time.sleep(_SHORT_PAUSE)
    return stopped


def _last_known_jobs(means: Means, picked: Process) -> Stopped:
    """The jobs of a process that is not there any more, once it is sure that it has not only another name for us."""
    stopped = Stopped(complete=False)
    while True:
        process, work = _look(means, picked.identity)
        if process is None or not process.alive:
            return stopped
        if process.beat != picked.beat:
            raise SidekiqError(
                f"The process {picked.identity} beats but has no such pid on this host: it runs in a container, or on another host"
                " of the same name. Use signal: TERM, which works from anywhere."
            )
        stopped.work = tuple(work)
        if (process.beat_age or 0.0) > SILENT:
            stopped.warnings.append(
                f"The process {picked.identity} had ended already; its jobs are those of its last heartbeat."
            )
            return stopped
        if means.late:
            raise TooSlow(
                f"The process {picked.identity} is not there, though it beat {process.beat_age or 0:.0f} s ago. Give it a wait_timeout"
                f" above {SILENT:g} s, after which it is sure that it has ended."
            )
        time.sleep(_PAUSE)


def _record(means: Means, identity: str, work: t.Iterable[Work], local: Local | None) -> tuple[Stop, JobArchive | None]:
    """Write down what runs in a process."""
    ticks, pid = (None, None) if local is None else (local.ticks, local.pid)
    stop = Stop(identity, "", means.fate, pid_space(), ticks, pid)
    now = redis_time(means.client)
    return record(means.client, means.key, means.archive_dir, means.server, now, work, stop, means.run)


def _await_death(picked: Process, local: Local, stop: Stop) -> None:
    deadline = time.monotonic() + _LAST_MOMENTS
    while not is_gone(local.pid, local.ticks):
        if time.monotonic() > deadline:
            raise TooSlow(
                f"The process {picked.identity} was killed and has not ended after {_LAST_MOMENTS:g} s: the kernel waits for a disk"
                f" or a network file system. Its jobs are in {stop.archive or 'no archive, it ran none'}; run the task again when it"
                " is gone."
            )
        time.sleep(_SHORT_PAUSE)


def _record_lost_jobs(means: Means, stopped: Stopped, stop: Stop, archive: JobArchive | None, certain: bool) -> None:
    """`certain`: nobody but us can have put its jobs elsewhere, so there is no need to wait until others show theirs."""
    try:
        if archive is not None:
            if not certain:
                wait_for_heartbeats(means.client, means.key, CERTAIN, but=(stop.identity,))
            stopped.ending = settle(means.client, means.key, stop, redis_time(means.client), archive)
    finally:
        if archive is not None:
            archive.close()
    if archive is None:  # it ran nothing
        pipe = means.client.pipeline(transaction=True)
        sign_off(pipe, means.key, stop.identity)
        pipe.execute()


def _look(means: Means, identity: str) -> tuple[Process | None, list[Work]]:
    now = redis_time(means.client)
    return run_reader(means.client, lambda batch: read_process(batch, means.key, lambda: now, identity))


def _state(process: Process) -> str:
    age = "never" if process.beat_age is None else f"{max(0.0, process.beat_age):.0f} s ago"
    return f"It last beat {age} and runs {process.busy} jobs."


def _not_allowed(process: Process) -> SidekiqError:
    return SidekiqError(
        f"The process {process.identity} belongs to another user, so it cannot be killed. Run the task as root (become: true)."
    )
