# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook as a user would, and says how long its tasks took.

The clock is a callback in ansible-playbook itself: its own start, one to two seconds, is never part of a figure.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_CALLBACKS = pathlib.Path(__file__).resolve().parent / "callback"


class PlaybookFailed(RuntimeError):
    """ansible-playbook failed; the message holds what it printed."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One result of a task."""

    name: str
    seconds: float
    stdout: str | None
    on_host: int


@dataclasses.dataclass(frozen=True)
class Durations:
    """Of a play: in seconds as a whole, how many tasks it skipped, and the others in their order."""

    play: float
    skipped: int
    tasks: tuple[Task, ...]

    def of(self, name: str) -> list[float]:
        """Seconds of all tasks of this name."""
        return [task.seconds for task in self.tasks if task.name == name]

    @property
    def on_host(self) -> int:
        """How often a task ran on the host; each item of a loop counts."""
        return sum(task.on_host for task in self.tasks)

    @property
    def on_controller(self) -> int:
        """How many tasks needed no host, and those that were skipped: each takes a process of the controller."""
        return sum(1 for task in self.tasks if not task.on_host) + self.skipped


@dataclasses.dataclass(frozen=True)
class Controller:
    """A place for files, and an Ansible that leaves nothing outside of it."""

    place: pathlib.Path

    def run(
        self,
        playbook: str | Sequence[Mapping[str, Any]],
        hosts: Mapping[str, Mapping[str, Any]],
        arguments: Sequence[str] = (),
    ) -> Durations:
        """Run a playbook, given by its name or as plays, over hosts with their variables. Raises PlaybookFailed."""
        inventory = self._write("hosts.json", {"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}})
        name = playbook if isinstance(playbook, str) else str(self._write("playbook.json", playbook))
        answer = self.place / "durations.json"
        answer.unlink(missing_ok=True)
        env = dict(
            # As on a user's machine: libraries lie there compiled, if only since the first turn.
            {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            ANSIBLE_HOME=str(self.place / "home"),
            ANSIBLE_CALLBACK_PLUGINS=str(_CALLBACKS),
            ANSIBLE_CALLBACKS_ENABLED="durations",
            DURATIONS_FILE=str(answer),
        )
        done = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), name, *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PlaybookFailed(done.stdout)
        read = json.loads(answer.read_text(encoding="utf-8"))
        return Durations(read["play"], read["skipped"], tuple(Task(**task) for task in read["tasks"]))

    def _write(self, name: str, content: object) -> pathlib.Path:
        path = self.place / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


@contextlib.contextmanager
def controller() -> Iterator[Controller]:
    """A controller in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        yield Controller(pathlib.Path(place))


def repeated(tasks: Sequence[Mapping[str, Any]], times: int) -> list[dict[str, Any]]:
    """A play in which the tasks take turns."""
    return [{"hosts": "all", "gather_facts": False, "tasks": [task for _number in range(times) for task in tasks]}]
