# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Processes of this host as the kernel describes them (proc(5)): every read is bounded, and what cannot be read is unknown."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import typing as t
from dataclasses import dataclass, field

PROC: t.Final = pathlib.Path("/proc")
_LARGEST: t.Final = 256 * 1024  # bytes of one file below /proc
_NAME_TIMEOUT: t.Final = 5.0
_TITLE = re.compile(r"sidekiq (\d\S*) (.*?) ?\[(\d+) of (\d+) busy\]( stopping)?\s*")
_CONTAINER = re.compile(
    r"(?:^|/)(?:(docker|libpod|crio|cri-containerd)-(?:payload-)?|(docker|libpod|kubepods)/(?:[^/]+/)*)?([0-9a-f]{64})"
)
_ENGINES: t.Final = {"docker": "docker", "libpod": "podman"}
_STARTERS = re.compile(r"ruby[\d.]*|bundle|sidekiq|sidekiqswarm")
_PROGRAMS: t.Final = ("sidekiq", "sidekiqswarm")


@dataclass(frozen=True)
class Title:
    """What Sidekiq writes over its command line with each heartbeat (`PROCTITLES` in lib/sidekiq/launcher.rb)."""

    version: str
    tag: str
    busy: int
    concurrency: int
    stopping: bool


@dataclass(frozen=True)
class HostProcess:
    """A process that runs Sidekiq. `pid` is its number on this host, `inner_pid` the one that it knows itself by.

    `ticks` (clock ticks from the boot to its start) tells it from a later process with the same pid. `names` are the
    host names that it may call itself by. `unit` is the system service of its control group; `user_unit` is set
    instead where a user's own systemd started it. `environment` is None where it cannot be read: Ruby overwrites it
    when the title is longer than the command line was.
    """

    pid: int
    ticks: int
    started_at: float
    inner_pid: int
    parent: int = 0
    uid: int | None = None
    root: str | None = None
    title: Title | None = None
    names: frozenset[str] = frozenset()
    unit: str | None = None
    user_unit: str | None = None
    container: str | None = None
    engine: str | None = None
    environment: t.Mapping[str, str] | None = field(default=None, repr=False)
    own_network: bool = False

    @property
    def isolated(self) -> bool:
        """Whether it has a pid namespace of its own, as in a container."""
        return self.inner_pid != self.pid


def sidekiq_processes(proc: pathlib.Path = PROC) -> list[HostProcess]:
    """Every process that runs Sidekiq here, in containers too, by pid."""
    started = boot_time(proc)
    numbers = sorted(int(entry.name) for entry in _entries(proc) if entry.name.isdecimal())
    found = (read_process(number, proc, started) for number in numbers)
    return [process for process in found if process is not None]


def read_process(pid: int, proc: pathlib.Path = PROC, booted: float | None = None) -> HostProcess | None:
    """The process with that pid on this host; None if there is none or it does not run Sidekiq."""
    home = proc / str(pid)
    command = read(home / "cmdline").decode(errors="replace")
    title = parse_title(command)
    if title is None and not runs_sidekiq(command.rstrip("\0").split("\0")):
        return None
    ticks = start_ticks(pid, proc)
    if ticks is None:
        return None
    status = parse_status(read(home / "status").decode(errors="replace"))
    groups = read(home / "cgroup").decode(errors="replace")
    container, engine = container_of(groups)
    unit, user_unit = units_of(groups)
    environment = parse_environment(read(home / "environ"))
    return HostProcess(
        pid=pid,
        ticks=ticks,
        started_at=(boot_time(proc) if booted is None else booted) + ticks / os.sysconf("SC_CLK_TCK"),
        inner_pid=int((status.get("NSpid") or str(pid)).split()[-1]),
        parent=int(status.get("PPid") or 0),
        uid=_number(status.get("Uid", "").split()[:1]),
        root=_folder(home / "cwd"),
        title=title,
        names=_names(home, proc, environment, container),
        unit=unit,
        user_unit=user_unit,
        container=container,
        engine=engine,
        environment=environment,
        own_network=_own_namespace(home, proc, "net"),
    )


def start_ticks(pid: int, proc: pathlib.Path = PROC) -> int | None:
    """Clock ticks from the boot to the start of a process; None if there is none or it is only a zombie."""
    fields = read(proc / str(pid) / "stat").rpartition(b")")[2].split()
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    return int(fields[19])


def is_gone(pid: int, ticks: int, proc: pathlib.Path = PROC) -> bool:
    """Whether a process has ended, also if another process has its pid by now."""
    return start_ticks(pid, proc) != ticks


def pid_space(proc: pathlib.Path = PROC) -> str:
    """What names all pids that we see: the boot of this kernel and our pid namespace. Empty if the kernel does not say."""
    boot, namespace = (
        read(proc / "sys/kernel/random/boot_id").decode(errors="replace").strip(),
        _link(proc / "self/ns/pid"),
    )
    return f"{boot} {namespace}" if boot and namespace else ""


def pids_inside(proc: pathlib.Path = PROC) -> set[int]:
    """The pids of everything that runs here, as each process knows its own."""
    numbers = [int(entry.name) for entry in _entries(proc) if entry.name.isdecimal()]
    return {_inner(pid, proc) for pid in numbers if start_ticks(pid, proc) is not None}


def _inner(pid: int, proc: pathlib.Path) -> int:
    status = parse_status(read(proc / str(pid) / "status").decode(errors="replace"))
    return int((status.get("NSpid") or str(pid)).split()[-1])


def boot_time(proc: pathlib.Path = PROC) -> float:
    """When this host booted, in epoch seconds."""
    for line in read(proc / "stat").splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    return 0.0


def parents(pid: int, proc: pathlib.Path = PROC) -> t.Iterator[int]:
    """The pids above a process, the nearest first."""
    seen: set[int] = set()
    while pid > 1 and pid not in seen:
        seen.add(pid)
        fields = read(proc / str(pid) / "stat").rpartition(b")")[2].split()
        pid = int(fields[1]) if len(fields) > 1 else 0
        if pid > 0:
            yield pid


def parse_title(command: str) -> Title | None:
    """The title that a Sidekiq process gives itself; None for a command line of anything else."""
    found = _TITLE.fullmatch(command.rstrip("\0 "))
    if found is None:
        return None
    version, tag, busy, concurrency, stopping = found.groups()
    return Title(version, tag, int(busy), int(concurrency), bool(stopping))


def runs_sidekiq(words: t.Sequence[str]) -> bool:
    """Whether a command line is that of Ruby with Sidekiq, as before the first title: not of a shell, a pager or docker."""
    programs = [os.path.basename(word) for word in words[:8]]
    return bool(programs) and bool(_STARTERS.fullmatch(programs[0])) and any(name in _PROGRAMS for name in programs)


def parse_status(text: str) -> dict[str, str]:
    """The fields of /proc/PID/status."""
    return {name: value.strip() for name, colon, value in (line.partition(":") for line in text.splitlines()) if colon}


def units_of(groups: str) -> tuple[str | None, str | None]:
    """The service whose control group it is, of the system or of a user's systemd (both versions of control groups)."""
    for line in groups.splitlines():
        parts = line.split(":", 2)[-1].split("/")
        services = [part for part in parts if part.endswith(".service")]
        if services:
            of_user = any(re.fullmatch(r"user@\d+\.service", part) for part in services[:-1])
            return (None, services[-1]) if of_user else (services[-1], None)
    return None, None


def container_of(groups: str) -> tuple[str | None, str | None]:
    """Id of the container and its engine, from the control group."""
    for line in groups.splitlines():
        found = _CONTAINER.search(line.split(":", 2)[-1])
        if found:
            kind = found[1] or found[2] or ""
            return found[3], "kubernetes" if "kubepods" in line else _ENGINES.get(kind)
    return None, None


def parse_environment(raw: bytes) -> dict[str, str] | None:
    """The variables with which a process was started; None if they are not there (any more)."""
    pairs = (entry.decode(errors="replace").partition("=") for entry in raw.split(b"\0") if b"=" in entry)
    return {name: value for name, _equals, value in pairs} or None


def environment_of(pid: int, proc: pathlib.Path = PROC) -> dict[str, str]:
    """The variables with which a process was started; none if they are not there (any more)."""
    return parse_environment(read(proc / str(pid) / "environ")) or {}


def _names(
    home: pathlib.Path, proc: pathlib.Path, environment: t.Mapping[str, str] | None, container: str | None
) -> frozenset[str]:
    """Sidekiq takes DYNO for its host name before it asks the kernel (lib/sidekiq/component.rb)."""
    dyno = (environment or {}).get("DYNO")
    if dyno:
        return frozenset([dyno])
    names = {_name_inside(home.name) if _own_namespace(home, proc, "uts") else os.uname().nodename}
    names.add((environment or {}).get("HOSTNAME", "") if container else "")
    names.add((container or "")[:12])
    return frozenset(names - {""})


def _own_namespace(home: pathlib.Path, proc: pathlib.Path, kind: str) -> bool:
    theirs = _link(home / "ns" / kind)
    return theirs is not None and theirs != _link(proc / "self" / "ns" / kind)


def _folder(link: pathlib.Path) -> str | None:
    """The working directory, if it is the same folder for us: a container has others under the same names."""
    path = _link(link)
    try:
        return path if path is not None and os.path.samefile(link, path) else None
    except OSError:
        return None


def _name_inside(pid: str) -> str:
    """The host name in the UTS namespace of a process (a container has its own, and so has ProtectHostname=yes)."""
    nsenter = shutil.which("nsenter")
    if nsenter is None:
        return ""
    try:
        # pylint: disable-next=ansible-bad-function
        done = subprocess.run(
            [nsenter, "--target", pid, "--uts", "uname", "-n"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_NAME_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def read(path: pathlib.Path) -> bytes:
    """The beginning of a file below /proc; empty if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST)
    except OSError:
        return b""


def _entries(folder: pathlib.Path) -> list[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return list(entries)
    return []


def _link(path: pathlib.Path) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _number(words: t.Sequence[str]) -> int | None:
    return int(words[0]) if words and words[0].isdecimal() else None
