# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A host as its own tools describe it: its units of Sidekiq, what Mastodon's files say, what the database allows."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ..._sidekiq.errors import BadOption
from ..installation.conclusions import unidentified
from ..installation.systemd.environment import assignments
from ..installation.systemd.sidekiq_command import Command, parse_command
from ..installation.systemd.unit_file import Part, Unit, parse_cat
from ..installation.unit_facts import DIGEST, MARK
from ..jobs.worker_classes import QUEUES, QUEUES_SINCE_4_4
from ..settings import dotenv
from ..settings.release import Release, parse_release
from ..sidekiq_yml.read import SidekiqYml, read_sidekiq_yml

DROP_IN: t.Final = "zz-workers.conf"
"""Sorts after override.conf, so that it has the last word."""
STOP_TIMEOUT_DROP_IN: t.Final = "zzz-workers-stop.conf"
"""Below /run while units change, so that systemd waits as long as the process that runs now may need."""


@dataclass(frozen=True)
class Found:
    """A unit on the host. `pid` of its main process, 0 when it does not run; `digest` of the text it was started from."""

    unit: Unit
    active: bool = False
    pid: int = 0
    enabled: bool = False
    digest: str = ""
    stale: bool = False

    @property
    def own(self) -> bool:
        """Whether the role wrote it."""
        return self.file.text.startswith(MARK)

    @property
    def file(self) -> Part:
        return self.unit.parts[0]


@dataclass(frozen=True)
class Host:
    """`max_connections` and `reserved` of PostgreSQL; None where it could not be asked.

    `identities`: the heartbeats of each unit that runs. `foreign`: units of other instances, with the reason, which are not
    among `units`. `doubts`: units that must not be stopped or replaced, with the reason.
    """

    stock_name: str
    units: t.Mapping[str, Found]
    nodename: str = ""
    release: Release | None = None
    config: SidekiqYml = field(default_factory=SidekiqYml)
    variables: t.Mapping[str, str] = field(default_factory=dict)
    web: t.Mapping[str, str] | None = None
    streaming: int = 0
    max_connections: int | None = None
    reserved: int = 0
    jemalloc: str = ""
    identities: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    foreign: t.Mapping[str, str] = field(default_factory=dict)
    doubts: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def stock(self) -> Unit:
        """Mastodon's own unit without what the role added. Raises BadOption when there is none."""
        found = self.units.get(self.stock_name)
        if found is None:
            raise BadOption(
                f"There is no {self.stock_name} on this host. Install Mastodon's own unit first (dist/mastodon-sidekiq.service);"
                " the others are derived from it. Set workers_stock_unit if it has another name."
            )
        return Unit(
            self.stock_name,
            tuple(part for part in found.unit.parts if part.name not in (DROP_IN, STOP_TIMEOUT_DROP_IN)),
        )

    @property
    def command(self) -> Command:
        lines = self.stock.values("ExecStart")
        if len(lines) != 1:
            raise BadOption(
                f"{self.stock_name} has {len(lines)} ExecStart= lines; it must have one that starts Sidekiq."
            )
        return parse_command(lines[0])

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues of this release of Mastodon; of an unknown one those of the current."""
        return QUEUES_SINCE_4_4 if self.release is None or self.release >= (4, 4, 0) else QUEUES

    def variable(self, name: str) -> str | None:
        """As a Sidekiq of the stock unit sees it: the unit before Mastodon's files."""
        return self.stock.environment().get(name, self.variables.get(name))


def read_host(facts: t.Mapping[str, t.Any]) -> Host:
    """From the output of commands, by name; see roles/workers/tasks/preflight.yml. What is missing counts as unknown."""

    def text(name: str) -> str:
        return str(facts.get(name) or "")

    stock_name = text("stock_unit") or "mastodon-sidekiq.service"
    states = [line.split()[:2] for line in text("files").splitlines() if line.strip()]
    names = list(
        dict.fromkeys(
            [row[0] for row in states] + [line.split()[0] for line in text("loaded").splitlines() if line.strip()]
        )
    )
    enabled = {row[0] for row in states if len(row) > 1 and row[1].startswith("enabled")}
    shown = {block.get("Id", ""): block for block in _blocks(text("show"))}
    digests = _digests(text("digests"))
    installation: t.Mapping[str, t.Any] = facts.get("installation") or {}
    foreign = {one["name"]: one["reason"] for one in installation.get("foreign", ())}
    units = {
        name: _found(unit, shown.get(name, {}), name in enabled, digests)
        for name, unit in parse_cat(text("cat"), names).items()
        if "@." not in name
        and name not in foreign
        and (name == stock_name or any("sidekiq" in line for line in unit.values("ExecStart")))
    }
    variables = dict(dotenv.parse(text("dotenv"), {}, {}).values)
    seen = {**variables, **(units[stock_name].unit.environment() if stock_name in units else {})}
    around = {block.get("Id", ""): block for block in _blocks(text("around")) if block.get("LoadState") == "loaded"}
    limits = dict(re.findall(r"^(\w+)\|(\d+)$", text("database"), re.MULTILINE))
    return Host(
        stock_name,
        units,
        nodename=text("nodename"),
        release=parse_release(text("version_rb")),
        config=read_sidekiq_yml(text("sidekiq_yml"), seen),
        variables=variables,
        web=_assigned(around["mastodon-web.service"]) if "mastodon-web.service" in around else None,
        streaming=sum(1 for name, block in around.items() if "streaming" in name and _runs_itself(block)),
        max_connections=int(limits["max_connections"]) if "max_connections" in limits else None,
        reserved=sum(int(value) for name, value in limits.items() if name != "max_connections"),
        jemalloc=_library(text("libraries")),
        identities={
            one["name"]: tuple(process["identity"] for process in one["processes"])
            for one in installation.get("workers", ())
            if one["processes"]
        },
        foreign=foreign,
        doubts=_doubts(installation),
    )


def _doubts(installation: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Units whose jobs are not known, and units that may be of another instance."""
    return {
        **{
            one["name"]: f"{one['name']} may not be of this instance. {one['doubt']}"
            for one in installation.get("workers", ())
            if one["doubt"]
        },
        **{one["name"]: unidentified(one) for one in installation.get("unmatched", ())},
    }


def _found(unit: Unit, shown: t.Mapping[str, str], enabled: bool, digests: t.Mapping[int, str]) -> Found:
    pid = int(shown.get("MainPID") or 0)
    return Found(
        unit,
        active=shown.get("ActiveState") in ("active", "activating", "reloading", "deactivating"),
        pid=pid,
        enabled=enabled,
        digest=digests.get(pid, ""),
        stale=shown.get("NeedDaemonReload") == "yes",
    )


def _blocks(shown: str) -> t.Iterator[dict[str, str]]:
    """What `systemctl show` prints: a block of lines for each unit."""
    for block in re.split(r"\n[ \t]*\n", shown):
        found = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        if found:
            yield found


def _digests(output: str) -> dict[int, str]:
    """What grep found in /proc/PID/environ: `PATH:NAME=VALUE`, each ended by a zero byte."""
    return {int(pid): value for pid, value in re.findall(rf"/proc/(\d+)/environ:{DIGEST}=([0-9a-f]+)", output)}


def _assigned(shown: t.Mapping[str, str]) -> dict[str, str]:
    return dict(assignments(shown.get("Environment", "")))


def _runs_itself(shown: t.Mapping[str, str]) -> bool:
    """Not the wrapper of 4.2 and newer, a oneshot that starts the instances."""
    return shown.get("Type") != "oneshot" and shown.get("ActiveState") == "active"


def _library(output: str) -> str:
    """The name of jemalloc as the loader knows it, from `ldconfig -p`; the plain name, which Mastodon uses, before others."""
    found = sorted(set(re.findall(r"^\s*(libjemalloc\.so\S*) ", output, re.MULTILINE)))
    return found[0] if found else ""
