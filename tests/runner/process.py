# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running other programs: quietly into a log, and never longer than allowed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.say import Failed

MINUTE = 60
_OF_A_TASK = 40
_running: set[subprocess.Popen[bytes]] = set()
_stopped = threading.Event()


def run(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 45 * MINUTE,
) -> None:
    """Run a command without a terminal and append what it prints to a log. Raises Failed. Nothing it started is left."""
    if _stopped.is_set():
        raise Failed("interrupted")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as out:
        print("$", *command, file=out, flush=True)
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _running.add(process)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"no end after {timeout / MINUTE:.0f} minutes") from None
        finally:
            _end_group(process)
            _running.discard(process)
    if status:
        raise Failed(f"{Path(command[0]).name} ended with exit status {status}")


def stop_all() -> None:
    """End what other threads run, and let them begin nothing more."""
    _stopped.set()
    for process in list(_running):
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what the command left running; a session of its own makes it one process group."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except (ProcessLookupError, PermissionError):
            return
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            continue


def tail(log: Path, lines: int = 40) -> str:
    """The end of a log, after the lines further up that name a fault, and what Ansible says of each task that failed."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(_faults(text[:-lines])[-2 * lines :] + text[-lines:])


def _faults(text: Sequence[str]) -> list[str]:
    """A task that failed is told of in YAML, below its line; the assertion comes first, and what a command printed last."""
    found: list[str] = []
    task: list[str] = []
    for line in (*text, "end"):
        if line.startswith("fatal: ") or (task and line[:1] in ("", " ")):
            task.append(line)
            continue
        found += task if len(task) <= _OF_A_TASK else task[: _OF_A_TASK // 4] + task[-_OF_A_TASK * 3 // 4 :]
        task = []
        if line.startswith(("ERROR", "FATAL", "FAILED", "[ERROR]")) and not line.startswith("FAILED - RETRYING"):
            found.append(line)
    return found
