# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of a module in a process of its own, which is killed: at a moment, or at one of the points where anything changes.

A point is just before or just after a command (or a whole pipeline) goes to Redis, and before or after a file is synced.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.tests.redis.intents import module_options

Options = Mapping[str, Any]
_FORK = multiprocessing.get_context("fork")


@dataclasses.dataclass(frozen=True)
class Task:
    """sidekiq_job, or sidekiq_archive if the options have a path. `url`: that of Redis."""

    url: str
    options: Options
    prefix: str = ""
    check_mode: bool = False

    def run(self) -> dict[str, Any]:
        """The result of the module."""
        spec, body = (
            (sidekiq_job.ARCHIVE_OPTIONS, sidekiq_job.restore)
            if "path" in self.options
            else (sidekiq_job.JOB_OPTIONS, sidekiq_job.edit_jobs)
        )
        options = module_options(spec, self.options)
        with redis.Redis.from_url(self.url) as client:
            return body(Session(client, Keys(self.prefix), options, self.check_mode, "test"))


@dataclasses.dataclass(frozen=True)
class End:
    """`result` is None if it was killed. `points` and `seconds`: how many it passed and how long it took if it was not."""

    result: dict[str, Any] | None
    points: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Started:
    """A process that runs a task."""

    process: Any
    pipe: Any
    began: float


def start(task: Task, at_point: int | None = None) -> Started:
    """Let it run; it is killed at a point (from 0)."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_child, args=(theirs, task, at_point), daemon=True)
    began = time.monotonic()
    process.start()
    theirs.close()
    return Started(process, ours, began)


def wait(started: Started) -> End:
    """How it ended."""
    with started.pipe:
        started.pipe.poll(60)
        seconds = time.monotonic() - started.began
        try:
            found = started.pipe.recv()
        except EOFError:
            started.process.join(120)
            assert started.process.exitcode == -signal.SIGKILL, started.process.exitcode
            return End(None, 0, seconds)
    started.process.join(120)
    if isinstance(found, Exception):
        raise found
    result, points = found
    return End(result, points, seconds)


def run(task: Task, at_point: int | None = None, after: float | None = None) -> End:
    """Run it; kill it at a point (from 0) or after so many seconds, if it has not ended by then."""
    started = start(task, at_point)
    if after is not None and not started.pipe.poll(after):
        started.process.kill()
    return wait(started)


def _child(pipe: Any, task: Task, at_point: int | None) -> None:
    points = _Points(at_point)
    for owner, name in (
        (redis.connection.AbstractConnection, "send_packed_command"),
        (redis.connection.AbstractConnection, "read_response"),
        (os, "fsync"),
    ):
        setattr(owner, name, points.around(getattr(owner, name)))
    try:
        pipe.send((task.run(), points.passed))
    except Exception as problem:
        pipe.send(problem)


class _Points:
    def __init__(self, last: int | None) -> None:
        self.passed = 0
        self._last = last
        self._lock = threading.Lock()
        self._numbers = itertools.count()

    def around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def call(*args: Any, **options: Any) -> Any:
            self._pass()
            answer = real(*args, **options)
            self._pass()
            return answer

        return call

    def _pass(self) -> None:
        with self._lock:
            self.passed = next(self._numbers) + 1
            if self.passed - 1 == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)
