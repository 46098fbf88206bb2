# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Sidekiq for the tests: a Redis of its own, processes of Debian's releases, and the Ruby API as a judge.

Everything that is started here ends with its context, has a time-out, and shows its log when it does not come up.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from ansible_collections.fediverse.mastodon.tests.lab.roots import command_in, ensure_root, stop
from ansible_collections.fediverse.mastodon.tests.redis.waiting import wait_for

RUBY = Path(__file__).resolve().parent / "ruby"
MOUNTED = "/mnt/ruby"


@dataclass(frozen=True)
class Release:
    """A Sidekiq that Debian ships: `beat` is its heartbeat period in seconds."""

    version: str
    suite: str
    beat: float


RELEASES = (Release("6.4.1", "bookworm", 5.0), Release("7.3.2", "trixie", 10.0))


@contextlib.contextmanager
def redis_server(suite: str, directory: Path, program: str = "redis-server") -> Iterator[str]:
    """The URL of a Redis (or `valkey-server`) of a Debian suite; on a free port of the loopback, nothing on disk."""
    log, port = directory / f"{program}.log", _free_port()
    argv = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", "/tmp"]
    with log.open("wb") as output:
        server = command_in(ensure_root(suite), argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_for(f"{program} answers", 300, lambda: _pings(port, server.pid), log)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        stop(server)


@dataclass(frozen=True)
class Sidekiq:
    """A running Sidekiq process: its pid is the one it writes into its heartbeat."""

    process: subprocess.Popen[bytes]
    identity: str

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(120)

    def freeze(self) -> None:
        """Stop it where it is, so that nothing changes while two look; `signal(SIGCONT)` lets it go on."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(f"{self.identity} is frozen", 300, lambda: _state(self.process.pid) == "T")


@contextlib.contextmanager
def sidekiq(
    release: Release,
    url: str,
    directory: Path,
    queues: Sequence[str],
    concurrency: int = 2,
    tag: str = "lab",
    timeout: int = 1,
    env: Mapping[str, str] | None = None,
) -> Iterator[Sidekiq]:
    """A real Sidekiq that runs `ruby/worker.rb`, once its first heartbeat is in Redis; `queues` as for `-q`."""
    argv = f"sidekiq -r {MOUNTED}/worker.rb -e production -g {tag} -t {timeout} -c {concurrency}".split()
    for queue in queues:
        argv += ["-q", queue]
    log = directory / f"sidekiq-{release.version}-{tag}.log"
    with log.open("ab") as output:
        process = _ruby(release, argv, url, env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    client = redis.Redis.from_url(url)
    try:

        def beats() -> str | None:
            assert process.poll() is None, f"{' '.join(argv)} ended:\n{log.read_text(errors='replace')}"
            names = [str(name, "utf-8") for name in client.smembers("processes") if isinstance(name, bytes)]
            mine = [name for name in names if name.rsplit(":", 2)[1] == str(process.pid)]
            return next((name for name in mine if client.hexists(name, "beat")), None)

        yield Sidekiq(process, wait_for(f"Sidekiq {release.version} has a heartbeat", 300, beats, log))
    finally:
        stop(process, timeout=0)  # what still runs there is of no interest, and a frozen process takes no TERM
        client.close()


class Judge:
    """Sidekiq's Ruby API, asked by name; see `ruby/judge.rb` for the operations."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log, self._unread = process, log, b""

    def ask(self, operation: str, seconds: float = 30.0, **details: Any) -> Any:
        """The answer of one operation; an AssertionError when Ruby raised or did not answer in time."""
        pipe = self._process.stdin
        assert pipe is not None
        pipe.write(json.dumps({"op": operation, **details}).encode() + b"\n")
        pipe.flush()
        answer = json.loads(self._line(time.monotonic() + seconds))
        assert "error" not in answer, f"{operation} {details}: {answer['error']}"
        return answer["ok"]

    def push(self, worker: str, *args: Any, at: float | None = None, **options: Any) -> str:
        """Enqueue a job of a class of `ruby/worker.rb` (or schedule it `at` epoch seconds) and give its jid."""
        job: dict[str, Any] = {"class": worker, "args": args, "at": at, "options": options}
        jid: str = self.ask("push", **job)
        return jid

    def _line(self, deadline: float) -> bytes:
        pipe = self._process.stdout
        assert pipe is not None
        while b"\n" not in self._unread:
            ready, _writable, _failed = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            more = os.read(pipe.fileno(), 1 << 16) if ready else b""
            assert more, f"the judge does not answer:\n{self._log.read_text(errors='replace')[-2000:]}"
            self._unread += more
        line, self._unread = self._unread.split(b"\n", 1)
        return line


@contextlib.contextmanager
def judge(release: Release, url: str, directory: Path) -> Iterator[Judge]:
    """The Ruby API of a release on a database."""
    log, argv = directory / f"judge-{release.version}.log", ["ruby", f"{MOUNTED}/judge.rb"]
    with log.open("ab") as output:
        process = _ruby(release, argv, url, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output)
    try:
        yield Judge(process, log)
    finally:
        stop(process)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


@contextlib.contextmanager
def producer(
    release: Release, url: str, count: int = 0, seed: int = 1, per_second: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    """`ruby/producer.rb` at work, which prints the jid of each job; `count` 0 goes on until TERM."""
    argv = ["ruby", f"{MOUNTED}/producer.rb", str(count), str(seed), str(per_second)]
    process = _ruby(release, argv, url, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        stop(process)
        if process.stdout:
            process.stdout.close()


@dataclass(frozen=True)
class Live:
    """An empty Redis, and the Ruby API of one Sidekiq release on it."""

    release: Release
    url: str
    client: redis.Redis
    judge: Judge
    directory: Path


@contextlib.contextmanager
def open_live(release: Release, directory: Path, program: str = "redis-server") -> Iterator[Live]:
    """The release with the Redis (or `valkey-server`) of the same Debian."""
    with (
        redis_server(release.suite, directory, program) as url,
        judge(release, url, directory) as asked,
        redis.Redis.from_url(url) as client,
    ):
        yield Live(release, url, client, asked, directory)


def _ruby(
    release: Release, argv: Sequence[str], url: str, env: Mapping[str, str] | None = None, **popen: Any
) -> subprocess.Popen[bytes]:
    environment = {"REDIS_URL": url, "RUBYOPT": "-W0", **(env or {})}
    return command_in(ensure_root(release.suite), argv, environment, {RUBY: MOUNTED}, **popen)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _pings(port: int, pid: int) -> bool:
    with contextlib.suppress(redis.RedisError), redis.Redis(port=port, socket_timeout=1) as client:
        return bool(client.info("server")["process_id"] == pid)  # and not another server that took the port first
    return False
