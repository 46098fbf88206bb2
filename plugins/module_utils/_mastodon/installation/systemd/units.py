# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The services that systemd knows, as `systemctl show` prints them: the one place where its output is parsed."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .environment import Runner, parse_environment
from .timespan import finite_timespan

PROPERTIES: t.Final = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "MainPID",
    "ControlGroup",
    "Type",
    "ExecStart",
    "ExecStop",
    "User",
    "WorkingDirectory",
    "Environment",
    "EnvironmentFiles",
    "TimeoutStopUSec",
    "Restart",
    "NeedDaemonReload",
    "FragmentPath",
)
_NEXT = re.compile(r"\n[ \t]*\n(?=Type=)")  # the first property of a service; a command may hold an empty line, too
_ARGV = re.compile(r"argv\[\]=(.*?) ; ignore_errors=", re.DOTALL)
_SIDEKIQ = re.compile(r"(?:^|[\s/'\";&|])sidekiq(?:swarm)?(?=$|[\s'\";&|])")
_ENGINES: t.Final = ("podman", "docker", "docker-compose", "podman-compose", "nerdctl", "systemd-nspawn")
_ACTIVE: t.Final = ("active", "reloading", "activating", "deactivating", "refreshing")


@dataclass(frozen=True)
class Unit:
    """A service. `pid` of its main process, 0 when nothing runs; `stop_timeout` in seconds, None for no limit."""

    name: str
    state: str = "inactive"
    substate: str = "dead"
    pid: int = 0
    group: str = ""
    kind: str = "simple"
    command: str = ""
    user: str = ""
    root: str = ""
    environment_lines: tuple[str, ...] = field(default=(), repr=False)
    stop_timeout: float | None = None
    restart: str = "no"
    need_daemon_reload: bool = False

    @property
    def active(self) -> bool:
        return self.state in _ACTIVE

    @property
    def idle(self) -> bool:
        """Whether it is active without running anything, as a oneshot with RemainAfterExit=."""
        return not self.active or self.substate == "exited"

    @property
    def mentions_sidekiq(self) -> bool:
        """Whether it starts Sidekiq, which an exporter for it does not."""
        return _SIDEKIQ.search(self.command) is not None

    @property
    def runs_container(self) -> bool:
        """Whether an engine runs the command, in an environment that the unit does not show."""
        return os.path.basename(self.command.partition(" ")[0]) in _ENGINES

    def environment(self) -> dict[str, str]:
        """What the unit sets, its files read."""
        return parse_environment(self.environment_lines)


def read_units(run: Runner, patterns: t.Sequence[str]) -> list[Unit] | None:
    """Every service that is loaded, and those on disk that are named for Sidekiq or match; None without systemd."""
    if not os.path.isdir("/run/systemd/system"):
        return None
    base = ["systemctl", "--no-pager", "--no-ask-password"]
    code, listed, _err = run([*base, "list-unit-files", "--type=service", "--no-legend", "--plain"])
    on_disk = [line.split()[0] for line in listed.splitlines() if line.strip()] if code == 0 else []
    wanted = [name for name in on_disk if "@." not in name and ("sidekiq" in name or matches(name, patterns))]
    plain = [name for name in patterns if not _is_pattern(name)]
    code, shown, _err = run([*base, "show", "-p", ",".join(PROPERTIES), "--", "*.service", *wanted, *plain])
    return parse_units(shown)


def parse_units(shown: str) -> list[Unit]:
    """The units in the output of `systemctl show`, by name."""
    found: dict[str, Unit] = {}
    for block in _NEXT.split(shown):
        lines = block.splitlines()
        said = dict(line.partition("=")[::2] for line in reversed(lines) if line.partition("=")[0] in PROPERTIES)
        said["ExecStart"] = block[max(0, block.find("\nExecStart=")) :]  # which may go on over several lines
        name = said.get("Id", "")
        if name and said.get("LoadState", "loaded") in ("loaded", "masked"):
            found[name] = _unit(name, said, [line for line in lines if line.startswith("Environment")])
    return sorted(found.values(), key=lambda unit: unit.name)


def matches(name: str, patterns: t.Iterable[str]) -> bool:
    """Whether a unit is meant by one of the names or patterns, as systemctl takes them."""
    return any(fnmatchcase(name, pattern) or name == f"{pattern}.service" for pattern in patterns)


def _is_pattern(name: str) -> bool:
    return any(character in name for character in "*?[")


def _unit(name: str, said: t.Mapping[str, str], environment: t.Sequence[str]) -> Unit:
    command = _ARGV.search(said.get("ExecStart", ""))
    pid = said.get("MainPID", "")
    return Unit(
        name,
        state=said.get("ActiveState", "inactive"),
        substate=said.get("SubState", "dead"),
        pid=int(pid) if pid.isdecimal() else 0,
        group=said.get("ControlGroup", ""),
        kind=said.get("Type", "simple"),
        command=command[1] if command else "",
        user=said.get("User", ""),
        root=said.get("WorkingDirectory", "").lstrip("!-"),
        environment_lines=tuple(environment),
        stop_timeout=finite_timespan(said.get("TimeoutStopUSec", "")),
        restart=said.get("Restart", "no"),
        need_daemon_reload=said.get("NeedDaemonReload") == "yes",
    )
