# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sidekiq processes in Redis: alive, crashed a moment ago, or long gone but still listed."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Union

import redis

from .activities import compact
from .releases import SIDEKIQ, at_least
from .workers import QUEUES

_Text = Union[bytes, bytearray, memoryview, str, int, float]
TTL = 60
"""Seconds without a heartbeat after which Redis drops what a process says of itself."""


@dataclasses.dataclass(frozen=True)
class Running:
    """A job that a thread is working on."""

    payload: Mapping[str, Any]
    since: float
    """Epoch seconds."""


@dataclasses.dataclass(frozen=True)
class Process:
    """A Sidekiq process; `identity` is host:pid:nonce."""

    identity: str
    started_at: float
    running: tuple[Running, ...] = ()
    queues: Mapping[str, int] = dataclasses.field(default_factory=lambda: dict(QUEUES))
    concurrency: int = 25
    quiet: bool = False
    rss_kb: int = 412_000
    rtt_us: int = 180
    version: str = SIDEKIQ

    @property
    def work_key(self) -> str:
        """The hash of running jobs."""
        return f"{self.identity}:{'work' if at_least(self.version, 6, 4, 2) else 'workers'}"

    @property
    def info(self) -> dict[str, Any]:
        """What the process says of itself once, at its start; each release says it a little differently."""
        host, pid, _nonce = self.identity.rsplit(":", 2)
        mode = "weighted" if any(self.queues.values()) else "strict"
        capsule = {"concurrency": self.concurrency, "mode": mode, "weights": dict(self.queues)}
        info: dict[str, Any] = {"hostname": host, "started_at": self.started_at, "pid": int(pid), "tag": "live"}
        if not at_least(self.version, 8, 1, 2):
            info["concurrency"] = self.concurrency
        if at_least(self.version, 8, 0, 9):
            info["capsules"] = {"default": capsule}
        info["queues"] = list(self.queues)
        if at_least(self.version, 7, 0, 2):
            info["weights"] = [dict(self.queues)]
        info.update(labels=[], identity=self.identity)
        if at_least(self.version, 7, 0, 2):
            info.update(version=self.version, embedded=False)
        return info


def write(client: redis.Redis, process: Process, beat: float | None = None, prefix: str = "") -> None:
    """Write one heartbeat of a process, of this moment unless `beat` (epoch seconds) says otherwise.

    What it leaves expires TTL seconds after the beat, so a beat further back leaves a ghost. `prefix` stands before each
    key, as redis-namespace puts it there.
    """
    now = time.time()
    beat = now if beat is None else beat
    left = int((beat + TTL - now) * 1000)
    fields: dict[_Text, _Text] = {"info": compact(process.info), "busy": len(process.running), "beat": repr(beat)}
    fields.update(quiet=str(process.quiet).lower(), rss=process.rss_kb, rtt_us=process.rtt_us)
    if at_least(process.version, 8, 1, 2):
        fields["concurrency"] = process.concurrency
    work: dict[_Text, _Text] = {_thread(number): compact(_work(job)) for number, job in enumerate(process.running)}
    pipe = client.pipeline(transaction=True)
    identity, work_key = prefix + process.identity, prefix + process.work_key
    pipe.sadd(f"{prefix}processes", process.identity)
    pipe.delete(identity, work_key)
    if left > 0:
        pipe.hset(identity, mapping=fields)
        pipe.pexpire(identity, left)
        if work:
            pipe.hset(work_key, mapping=work)
            pipe.pexpire(work_key, left)
    pipe.execute()


def crashed(client: redis.Redis, process: Process, ago: float = 30.0) -> None:
    """Write a process that was killed `ago` seconds ago: its last heartbeat and jobs are there until they expire."""
    write(client, process, beat=time.time() - ago)


def ghost(client: redis.Redis, identity: str) -> None:
    """Write a process that was killed more than a minute ago: its name in `processes`, and nothing behind it."""
    client.sadd("processes", identity)


@contextlib.contextmanager
def kept_alive(
    client: redis.Redis, processes: Iterable[Process], every: float = 0.5, prefix: str = ""
) -> Iterator[None]:
    """Let processes beat every so many seconds until the end of the block, with a thread; their jobs go on running.

    Sidekiq beats every 5 or 10 s. Whoever waits for a heartbeat, as the search for orphaned locks does, need not wait as long here.
    `prefix` stands before each key.
    """
    living = tuple(processes)
    over = threading.Event()

    def beat() -> None:
        # The end of the server is the end of its processes, not a fault of the block.
        with contextlib.suppress(redis.ConnectionError):
            while not over.wait(every):
                for process in living:
                    write(client, process, prefix=prefix)

    for process in living:
        write(client, process, prefix=prefix)
    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def timeless(value: Any) -> Any:
    """The value of a key without the moment of a heartbeat, which changes while processes are kept alive."""
    return {field: item for field, item in value.items() if field != "beat"} if isinstance(value, dict) else value


def _work(job: Running) -> dict[str, Any]:
    return {"queue": job.payload["queue"], "payload": compact(job.payload), "run_at": int(job.since)}


def _thread(number: int) -> str:
    """A thread id like Sidekiq's: base 36."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    value, text = 1300 + 37 * number, ""
    while value:
        value, digit = divmod(value, 36)
        text = digits[digit] + text
    return text
