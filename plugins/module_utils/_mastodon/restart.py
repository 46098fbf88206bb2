# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which processes of Sidekiq are to be restarted, and why: what changed after they were started."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

_STARTING: t.Final = 2.0  # seconds that a file may be younger than the process that has read it: clocks of two kinds


@dataclass(frozen=True)
class Unit:
    """What systemd says of a unit. C(pid) is 0 when nothing runs."""

    name: str
    pid: int
    active: bool
    stale: bool
    starts_again: bool


@dataclass(frozen=True)
class Verdict:
    """C(why): reasons for a restart, none if there is none. C(identity) is empty for a process that Redis does not know."""

    unit: Unit
    identity: str
    busy: int
    why: tuple[str, ...]


def read_units(shown: str) -> list[Unit]:
    """The units in the output of C(systemctl show -p Id -p MainPID -p ActiveState -p NeedDaemonReload -p Restart)."""
    units = []
    for block in shown.strip().split("\n\n"):
        said = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        if not said.get("Id"):
            continue
        pid = said.get("MainPID", "0")
        units.append(
            Unit(
                said["Id"],
                int(pid) if pid.isdecimal() else 0,
                said.get("ActiveState") in ("active", "reloading", "activating", "deactivating"),
                said.get("NeedDaemonReload") == "yes",
                said.get("Restart") == "always",
            )
        )
    return sorted(units, key=lambda unit: unit.name)


def judge(
    units: t.Iterable[Unit],
    processes: t.Iterable[t.Mapping[str, t.Any]],
    nodename: str,
    files: t.Iterable[t.Mapping[str, t.Any]],
    forced: bool,
) -> list[Verdict]:
    """A verdict for each unit that runs. C(processes): as sidekiq_info returns them; C(files): C(path) and C(mtime)."""
    own = {process["pid"]: process for process in processes if process["hostname"] == nodename}
    watched = [(str(file["path"]), float(file["mtime"])) for file in files]
    verdicts = []
    for unit in units:
        if not unit.active or not unit.pid:
            continue
        process = own.get(unit.pid)
        why = ["asked for"] if forced else []
        if unit.stale:
            why.append("its unit was changed and systemd has not read it yet")
        if process is None:
            verdicts.append(Verdict(unit, "", 0, (*why, "it never said in Redis that it runs")))
            continue
        if process["quiet"]:
            why.append("it is quiet and fetches no jobs")
        if not process["alive"]:
            why.append("it does not beat any more")
        started = process["started_epoch"] or 0.0
        why += [f"{path} is newer than it" for path, changed in watched if changed > started + _STARTING]
        verdicts.append(Verdict(unit, process["identity"], process["busy"], tuple(why)))
    return verdicts
