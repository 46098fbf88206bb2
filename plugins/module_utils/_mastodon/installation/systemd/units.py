# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The services that systemd knows."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ...._sidekiq.errors import BadOption
from .environment import shown_environment
from .show import Runner, Shown, parse_show, show
from .sidekiq_command import evaluate
from .timespan import finite_timespan

PROPERTIES: t.Final = (
    "ActiveState",
    "SubState",
    "UnitFileState",
    "MainPID",
    "ControlGroup",
    "ExecStart",
    "User",
    "WorkingDirectory",
    "Environment",
    "EnvironmentFiles",
    "TimeoutStopUSec",
    "MemoryHigh",
    "MemoryMax",
    "Restart",
    "NeedDaemonReload",
    "FragmentPath",
    "DropInPaths",
    "NRestarts",
    "MemoryCurrent",
)
_SIDEKIQ = re.compile(r"(?:^|[\s/'\";&|])sidekiq(?:swarm)?(?=$|[\s'\";&|])")
_ENGINES: t.Final = ("podman", "docker", "docker-compose", "podman-compose", "nerdctl", "systemd-nspawn")
ACTIVE: t.Final = ("active", "reloading", "activating", "deactivating", "refreshing")


@dataclass(frozen=True)
class Unit:
    """A service. `pid` of its main process, 0 when nothing runs; `stop_timeout` in seconds, None for no limit.

    `path`: its unit file, empty where it has none; `drop_ins` in the order in which systemd reads them. `memory_high`
    and `memory_max` in bytes, None for no limit.
    `restarts`: how often systemd started it again by itself; `memory`: bytes that it uses, None if systemd does not count them.
    """

    name: str
    state: str = "inactive"
    substate: str = "dead"
    pid: int = 0
    group: str = ""
    kind: str = "simple"
    command: str = ""
    user: str = ""
    directory: str = ""
    shown: Shown = field(default=Shown(""), repr=False)
    stop_timeout: float | None = None
    restart: str = "no"
    need_daemon_reload: bool = False
    enabled: bool = False
    path: str = ""
    drop_ins: tuple[str, ...] = ()
    memory_high: int | None = None
    memory_max: int | None = None
    restarts: int = 0
    memory: int | None = None

    @property
    def root(self) -> str:
        """The folder of -r if it is one, else the working directory: Sidekiq loads Rails from there (lib/sidekiq/cli.rb)."""
        try:
            required = evaluate(self.command, {}).require or ""
        except BadOption:
            return self.directory
        path = os.path.join(self.directory, required)
        return path if required and os.path.isdir(path) else self.directory

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

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
        return shown_environment(self.shown)


def read_units(run: Runner, patterns: t.Sequence[str]) -> list[Unit] | None:
    """Every service that is loaded, and those on disk that are named for Sidekiq or match; None without systemd."""
    if not os.path.isdir("/run/systemd/system"):
        return None
    base = ["systemctl", "--no-pager", "--no-ask-password"]
    code, listed, _err = run([*base, "list-unit-files", "--type=service", "--no-legend", "--plain"])
    on_disk = [line.split()[0] for line in listed.splitlines() if line.strip()] if code == 0 else []
    wanted = [name for name in on_disk if "@." not in name and ("sidekiq" in name or matches(name, patterns))]
    plain = [name for name in patterns if not _is_pattern(name)]
    return _units(show(run, ["*.service", *wanted, *plain], PROPERTIES))


def read_unit(run: Runner, name: str) -> Unit | None:
    """One service; None where there is no systemd or no such service."""
    return next((_unit(shown) for shown in show(run, [name], PROPERTIES)), None)


def parse_units(output: str) -> list[Unit]:
    """The units in the output of `systemctl show`, by name."""
    return _units(parse_show(output))


def _units(services: t.Iterable[Shown]) -> list[Unit]:
    found = {shown.value("Id"): _unit(shown) for shown in services if shown.value("Id")}
    return sorted(found.values(), key=lambda unit: unit.name)


def matches(name: str, patterns: t.Iterable[str]) -> bool:
    """Whether a unit is meant by one of the names or patterns, as systemctl takes them."""
    return any(fnmatchcase(name, pattern) or name == f"{pattern}.service" for pattern in patterns)


def _is_pattern(name: str) -> bool:
    return any(character in name for character in "*?[")


def _unit(shown: Shown) -> Unit:
    return Unit(
        shown.value("Id"),
        state=shown.value("ActiveState", "inactive"),
        substate=shown.value("SubState", "dead"),
        pid=_number(shown.value("MainPID")) or 0,
        group=shown.value("ControlGroup"),
        kind=shown.value("Type", "simple"),
        command=shown.command(),
        user=shown.value("User"),
        directory=shown.value("WorkingDirectory").lstrip("!-"),
        shown=shown,
        stop_timeout=finite_timespan(shown.value("TimeoutStopUSec")),
        restart=shown.value("Restart", "no"),
        need_daemon_reload=shown.value("NeedDaemonReload") == "yes",
        enabled=shown.value("UnitFileState").startswith("enabled"),
        path=shown.value("FragmentPath"),
        drop_ins=tuple(shown.value("DropInPaths").split()),
        memory_high=_number(shown.value("MemoryHigh")),
        memory_max=_number(shown.value("MemoryMax")),
        restarts=_number(shown.value("NRestarts")) or 0,
        memory=_number(shown.value("MemoryCurrent")),
    )


def _number(text: str) -> int | None:
    """None for `infinity`, and for what systemd does not count or a systemd of another release does not tell."""
    return int(text) if text.isdecimal() and int(text) < 2**63 else None
