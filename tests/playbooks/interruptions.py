# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runbooks that are interrupted while they edit, and undone: where every job is afterwards.

Real `ansible-playbook` runs a real runbook while producers, workers and a poller go on. It is interrupted when the state that is
watched (the record, the archive, the first job that left) says that it is about to edit, edits, or has just done so. Then the
playbook `undo` runs, and every job must be in Redis or have been run, once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.fediverse.mastodon.tests.redis import storm

_PUSHES, _CRAWLS, _BACKUPS = storm.CLASSES
_MARK = "FEDIVERSE_INTERRUPTED_ROUND"
_TIMEOUT = 600.0
SIZE = 6_000
"""Jobs in the largest queue."""

RUNBOOKS: dict[str, dict[str, Any]] = {
    "federation_rescue": {
        "federation_rescue_actions": "quarantine",
        "federation_rescue_domains": storm.DOMAIN,
        "federation_rescue_reason": "a test",
        "federation_rescue_probe": False,
        "federation_rescue_log": False,
    },
    "backlog_recovery": {
        "backlog_recovery_reason": "a test",
        "backlog_recovery_measure": 0,
        "backlog_recovery_probe": False,
        "backlog_recovery_drain": False,
        "backlog_recovery_tuning": False,
        "backlog_recovery_strict": False,
        "backlog_recovery_restart_stuck": False,
        "backlog_recovery_jobs": [
            {"state": "absent", "classes": [_CRAWLS]},
            {"state": "moved", "classes": [_PUSHES], "to_queue": "slow"},
            {"state": "dead", "classes": [_BACKUPS]},
        ],
    },
    "export_rescue": {
        "export_rescue_reason": "a test",
        "export_rescue_mastodon_root": "/nonexistent",
        "export_rescue_database": "never",
        "export_rescue_wait": 0,
        "export_rescue_worker": False,
    },
}
"""What is given to each runbook: an edit that removes many jobs, and nothing that takes time."""

_GROUP = {"Ctrl-C": signal.SIGINT, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP, "kill -9": signal.SIGKILL}
WAYS = (*_GROUP, "connection cut", "module killed", "host killed")
"""Signals go to the process group of ansible-playbook. The connection: all processes between ansible-playbook and the module. The
module: its process alone, as when its host dies. The host: every process at once."""

MOMENTS = {"begun": 3.0, "archive": 0.3, "taken": 1.0}
"""From which moment on it is interrupted, and within how many seconds: the record is there, the file of an archive is there, the
first job has left Redis."""
_WEIGHTS = (1, 2, 4)
"""How often each of them is chosen: the more interesting it is, the more often."""


@dataclasses.dataclass(frozen=True)
class Round:
    """What came of a round. `removed`: jobs that were out when it was interrupted; `status`: of undo, None without a run.

    `again`: whether undo was interrupted and run again.
    """

    way: str
    interrupted: bool
    removed: int
    status: int | None
    again: bool
    lost: int
    twice: int
    said: str

    @property
    def is_bad(self) -> bool:
        return bool(self.lost or self.twice or self.status)


@dataclasses.dataclass(frozen=True)
class Controller:
    """Runs ansible-playbook on an instance, all below one directory. `url`: of Redis."""

    url: str
    client: Any
    directory: pathlib.Path

    @property
    def state(self) -> pathlib.Path:
        """Where runbooks keep what they write."""
        return self.directory / ".local/state/fediverse.mastodon"

    def start(self, playbook: str, variables: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        """As a session of its own, so that it can be told as a group; what it prints goes into a file."""
        env = dict(os.environ, HOME=str(self.directory), ANSIBLE_HOME=str(self.directory / "ansible"))
        env.update({_MARK: str(self.directory), "ANSIBLE_PIPELINING": "true", "ANSIBLE_NOCOLOR": "1"})
        env["PATH"] = os.pathsep.join((str(pathlib.Path(sys.executable).parent), env["PATH"]))
        command = ["ansible-playbook", f"fediverse.mastodon.{playbook}", "-i", "here,", "-c", "local"]
        with (self.directory / f"{playbook}.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "-e", json.dumps({**variables, "redis_url": self.url})],
                env=env,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_listen,
            )

    def said(self, playbook: str) -> str:
        return (self.directory / f"{playbook}.log").read_text(encoding="utf-8", errors="replace")

    def run_name(self) -> str | None:
        """The run that was begun, if any."""
        names = sorted((self.state / "runs").glob("*.json"))
        return names[0].stem if names else None

    def reached(self, moment: str) -> bool:
        """Whether the runbook has come so far."""
        if moment == "begun":
            return self.run_name() is not None
        archives = list((self.state / "archives").glob("*.jsonl.gz"))
        return bool(archives) and (moment == "archive" or self.removed() > 0)

    def removed(self) -> int:
        """How many jobs Redis knows as taken out."""
        return sum(self.client.bitcount(key) for key in self.client.scan_iter("fediverse.mastodon:taken:*"))

    def processes(self) -> list[int]:
        """All that ansible-playbook started here and that runs still, whoever is its parent by now."""
        mark = f"{_MARK}={self.directory}\0".encode()
        return [pid for pid in _pids() if mark in _read(pid, "environ") + b"\0"]

    def modules(self) -> list[int]:
        """Those of them that are not ansible-playbook itself or one of its workers."""
        return [pid for pid in self.processes() if b"/ansible-playbook\0" not in _read(pid, "cmdline")]


def _listen() -> None:
    """A program that is started in the background ignores some signals, and so would what it starts."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def interrupt(controller: Controller, playbook: subprocess.Popen[bytes], way: str) -> None:
    """In one of the WAYS."""
    if way in _GROUP:
        os.killpg(playbook.pid, _GROUP[way])
        return
    ours = controller.processes()
    parents = {pid: _parent(pid) for pid in ours}
    modules = [pid for pid in ours if pid not in parents.values() and pid != playbook.pid]
    chosen = {
        "connection cut": [pid for pid in ours if pid not in modules and pid != playbook.pid],
        "module killed": modules,
        "host killed": ours,
    }[way]
    for pid in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def play_round(
    controller: Controller, runbook: str, way: str, seed: int, size: int = SIZE, moment: str | None = None
) -> Round:
    """Fill an instance, let the others go on, run a runbook and interrupt it, undo it, and count. Chance decides on the moment."""
    chance = random.Random(f"{runbook} {seed}")
    [chosen] = chance.choices([*MOMENTS], _WEIGHTS)
    moment = moment or chosen
    before = storm.fill(controller.client, seed, size, size // 10)
    with storm.others(controller.url, seed, produce=200, consume=150) as books:
        playbook = controller.start(runbook, RUNBOOKS[runbook])
        interrupted = _interrupt_at(controller, playbook, way, moment, chance)
        removed = controller.removed()
        status, again = _undo(controller, chance)
        _end(controller)
    lost, twice = storm.balance(before, books, storm.look(controller.client), [])
    said = "\n".join(
        controller.said(name) for name in (runbook, "undo") if (controller.directory / f"{name}.log").exists()
    )
    return Round(way, interrupted, removed, status, again, lost, twice, said)


def _interrupt_at(
    controller: Controller, playbook: subprocess.Popen[bytes], way: str, moment: str, chance: random.Random
) -> bool:
    """Whether it was interrupted before it came to its end."""
    pause = chance.random() * MOMENTS[moment] * chance.choice((0.05, 1.0))
    _wait_until(lambda: playbook.poll() is not None or controller.reached(moment), moment)
    with contextlib.suppress(subprocess.TimeoutExpired):
        playbook.wait(pause)
    if playbook.poll() is not None:
        return False
    interrupt(controller, playbook, way)
    try:
        playbook.wait(_TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(playbook.pid, signal.SIGKILL)
        playbook.wait(_TIMEOUT)
    return True


def _undo(controller: Controller, chance: random.Random) -> tuple[int | None, bool]:
    """The status of undo, and whether it was interrupted once before."""
    run, again = controller.run_name(), chance.random() < 0.25
    if run is None:
        return None, False
    if again:
        first = controller.start("undo", {"run": run})
        pause, way = chance.random() * 8, chance.choice(WAYS)
        try:
            first.wait(pause)
        except subprocess.TimeoutExpired:
            interrupt(controller, first, way)
            first.wait(_TIMEOUT)
    undo = controller.start("undo", {"run": run})
    return undo.wait(_TIMEOUT), again


def _end(controller: Controller) -> None:
    """Wait for the modules that go on after their playbook. A worker of Ansible without its playbook may wait for ever."""
    with contextlib.suppress(AssertionError):
        _wait_until(lambda: not controller.processes(), "all have ended", timeout=10)
    _wait_until(lambda: not controller.modules(), "all modules have ended")
    for pid in controller.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def describe(runbook: str, seed: int, found: Round) -> str:
    """What went wrong, and how to see it again."""
    return (
        f"{runbook}, {found.way}: {found.lost} jobs lost, {found.twice} there twice; {found.removed} were out when it was"
        f" interrupted, undo ended with {found.status}. To replay: {replay(runbook, seed)}\n{found.said}"
    )


def replay(runbook: str, seed: int) -> str:
    """The command that plays the same round again, though not the same race."""
    nothing_else = [word for name in ("runs", "process-kills", "jobs") for word in (f"--{name}", "0")]
    one = ["--interruptions", "1", "--runbook", runbook, "--seed", str(seed)]
    return shlex.join(["./dev", "soak", *nothing_else, *one])


def way_of(seed: int) -> str:
    """In turn, so that any seven rounds in a row have all of them."""
    return WAYS[seed % len(WAYS)]


def _wait_until(done: Callable[[], bool], what: str, timeout: float = _TIMEOUT) -> None:
    deadline = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < deadline, f"after {timeout:g} s still not: {what}"
        time.sleep(0.005)


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _read(pid: int, name: str) -> bytes:
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it has ended, or is somebody else's
        return b""


def _parent(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0
