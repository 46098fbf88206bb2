# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that looks like a Sidekiq which no longer beats, as one does that hangs: it can be killed, and does nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis

_ASLEEP = "import signal, time; signal.signal(signal.SIGTSTP, signal.SIG_IGN); print(flush=True); time.sleep(600)"


def work(jid: str, name: str = "BackupWorker", queue: str = "pull", seconds: float = 60.0) -> dict[str, Any]:
    """A job that has run for so long."""
    payload = {"class": name, "args": [1], "jid": jid, "queue": queue, "retry": 5}
    return {"queue": queue, "payload": json.dumps(payload), "run_at": int(time.time() - seconds)}


@contextlib.contextmanager
def running(
    client: redis.Redis,
    info: Mapping[str, Any],
    works: Sequence[Mapping[str, Any]],
    silent: float = 35.0,
    folder: pathlib.Path | None = None,
    box: str | None = None,
    **fields: Any,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The identity and the process; it beat `silent` seconds ago. `folder`: where it works.

    `box`: the host name in namespaces of its own, where its pid is 1, as in a container. The process is then what waits for it.
    """
    command = ["ruby", "-c", _ASLEEP, "sidekiq"]  # the name by which /proc shows it
    program = os.path.realpath(sys.executable)
    if box is not None:
        shell = f'hostname {shlex.quote(box)}; exec -a "$0" {shlex.quote(program)} "$@"'
        command, program = ["unshare", "--pid", "--fork", "--uts", "bash", "-c", shell, *command], ""
    environment = {**os.environ, "PYTHONHOME": sys.base_prefix}
    asleep = subprocess.Popen(
        command, executable=program or None, env=environment, stdout=subprocess.PIPE, cwd=folder, start_new_session=True
    )
    try:
        assert asleep.stdout is not None
        asleep.stdout.readline()  # it ignores the signal by now
        host, now = box or socket.gethostname(), time.time()
        pid = asleep.pid if box is None else 1
        identity = f"{host}:{pid}:0123456789ab"
        said = {**info, "hostname": host, "pid": pid, "identity": identity, "started_at": now}
        client.sadd("processes", identity)
        beat: dict[Any, Any] = {
            "info": json.dumps(said),
            "busy": len(works),
            "beat": repr(now - silent),
            "quiet": "false",
            **fields,
        }
        client.hset(identity, mapping=beat)
        if works:
            client.hset(f"{identity}:work", mapping={f"t{at}": json.dumps(one) for at, one in enumerate(works)})
        yield identity, asleep
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(asleep.pid, signal.SIGKILL)
        asleep.wait(120)
        if asleep.stdout is not None:
            asleep.stdout.close()
