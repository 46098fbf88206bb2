# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A host as mastodon_info describes it: its units of Sidekiq, what they run with, what the database allows."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ..._sidekiq.errors import BadOption
from ..installation.conclusions import unidentified
from ..installation.effective import Effective, Said, effective
from ..installation.surroundings import Server
from ..installation.systemd.leftovers import STOP_TIMEOUT_DROP_IN
from ..installation.systemd.sidekiq_command import Command, env_variables, expand_specifiers, parse_command
from ..installation.systemd.unit_file import Part, Unit
from ..installation.systemd.units import ACTIVE, matches
from ..installation.unit_facts import MARK
from ..jobs.worker_classes import QUEUES, QUEUES_SINCE_4_4
from ..settings.release import Release
from ..sidekiq_yml.read import Capsule, SidekiqYml

DROP_IN: t.Final = "zz-workers.conf"
"""Sorts after override.conf, so that it has the last word."""
_TRANSIENT: t.Final = "/run/systemd/transient/"

Facts = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Found:
    """A unit on the host. `pid` of its main process, 0 when it does not run; `digest` of the text it was started from.

    `queues` and `timeout` of its Sidekiq; None where they are not known.
    """

    unit: Unit
    active: bool = False
    pid: int = 0
    enabled: bool = False
    digest: str = ""
    stale: bool = False
    queues: tuple[str, ...] | None = None
    timeout: int | None = None

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

    `config`: what the file says that Sidekiq reads, or None and `why_no_config`. `variables`: of Mastodon's own files.
    `file_variables`: what a file of EnvironmentFile= of the stock unit sets, with the path; it wins over Environment=.
    `web` and `streaming`: the servers of this host, None where there are none.
    `identities`: the heartbeats of each unit that runs; `killed`: those whose process is gone. `foreign`: units of other
    instances, with the reason, which are not among `units`. `doubts`: units that must not be stopped or replaced, with
    the reason.
    """

    stock_name: str
    units: t.Mapping[str, Found]
    release: Release | None = None
    config: SidekiqYml | None = field(default_factory=SidekiqYml)
    why_no_config: str = ""
    variables: t.Mapping[str, str] = field(default_factory=dict)
    file_variables: t.Mapping[str, str] = field(default_factory=dict)
    file_values: t.Mapping[str, str] = field(default_factory=dict)
    web: Server | None = None
    streaming: Server | None = None
    max_connections: int | None = None
    reserved: int = 0
    jemalloc: str = ""
    identities: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    killed: frozenset[str] = frozenset()
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
        if "@" in self.stock_name:
            raise BadOption(
                f"{self.stock_name} is an instance of a template, and a unit that is derived from it would mean something else"
                " by %i. Install Mastodon's own unit (dist/mastodon-sidekiq.service), and set workers_stock_unit to it."
            )
        return Unit(
            self.stock_name,
            tuple(part for part in found.unit.parts if part.name not in (DROP_IN, STOP_TIMEOUT_DROP_IN)),
        )

    @property
    def command_line(self) -> str:
        lines = self.stock.values("ExecStart")
        if len(lines) != 1:
            raise BadOption(
                f"{self.stock_name} has {len(lines)} ExecStart= lines; it must have one that starts Sidekiq."
            )
        return lines[0]

    @property
    def command(self) -> Command:
        return parse_command(self.command_line)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the stock unit and its files, as far as they are no secrets."""
        return {**self.stock.environment(), **self.file_values}

    @property
    def effective(self) -> Effective:
        """What the Sidekiq of the stock unit runs with, without what the role added."""
        return effective(
            Said(
                expand_specifiers(self.command_line, self.stock_name),
                self.environment,
                self.variables,
                self.config,
                self.release,
                why_no_config=self.why_no_config,
            )
        )

    @property
    def fixed_variables(self) -> dict[str, str]:
        """The variables that Environment= of a drop-in cannot change, and where they are set."""
        return {**self.file_variables, **dict.fromkeys(env_variables(self.command.start), "ExecStart=")}

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues of this release of Mastodon; of an unknown one those of the current."""
        return QUEUES_SINCE_4_4 if self.release is None or self.release >= (4, 4, 0) else QUEUES

    def variable(self, name: str) -> str | None:
        """As a Sidekiq of the stock unit sees it: the unit before Mastodon's files."""
        return self.environment.get(name, self.variables.get(name))


def read_host(facts: Facts) -> Host:
    """`facts`: the name of the `stock_unit`, and what mastodon_info returned with all sections (`installation`)."""
    stock_name = str(facts.get("stock_unit") or "mastodon-sidekiq.service")
    installation: Facts = facts.get("installation") or {}
    workers: t.Sequence[Facts] = installation.get("workers", ())
    stock: Facts = next((worker for worker in workers if worker["name"] == stock_name), {})
    postgresql: Facts = installation.get("limits", {}).get("postgresql", {})
    from_files = {
        name: entry for name, entry in stock.get("environment", {}).items() if entry["source"].startswith("/")
    }
    return Host(
        stock_name,
        {worker["name"]: _found(worker) for worker in workers if _is_unit(worker, stock_name)},
        release=_release(installation.get("release")),
        config=_config(stock),
        why_no_config=stock.get("unknown", {}).get("capsules", ""),
        variables={
            name: entry["in_files"]
            for name, entry in installation.get("settings", {}).items()
            if entry["in_files"] is not None
        },
        file_variables={name: entry["source"] for name, entry in from_files.items()},
        file_values={name: entry["value"] for name, entry in from_files.items() if entry["value"] is not None},
        web=_server(installation.get("web")),
        streaming=_server(installation.get("streaming")),
        max_connections=postgresql.get("max_connections"),
        reserved=postgresql.get("reserved") or 0,
        jemalloc=installation.get("jemalloc") or "",
        identities={
            worker["name"]: tuple(process["identity"] for process in worker["processes"])
            for worker in workers
            if worker["processes"]
        },
        killed=frozenset(entry["identity"] for entry in installation.get("elsewhere", ()) if entry["killed"]),
        foreign={entry["name"]: entry["reason"] for entry in installation.get("foreign", ())},
        doubts=_doubts(installation),
    )


def _is_unit(worker: Facts, stock_name: str) -> bool:
    """Whether it is a unit that starts Sidekiq, stays, and is meant: by its name, or because it is used."""
    if worker["kind"] != "service" or not worker["files"] or worker["unit_file"].startswith(_TRANSIENT):
        return False
    if worker["name"] == stock_name:
        return True
    starts = any("sidekiq" in line for line in _unit(worker).values("ExecStart")) or worker["pids"]
    named = matches(worker["name"], [f"{stock_name.rpartition('.')[0]}*.service"])
    return bool(starts and (named or worker["running"] or worker["enabled"]))


def _unit(worker: Facts) -> Unit:
    return Unit(worker["name"], tuple(Part(path, text) for path, text in worker["files"].items()))


def _found(worker: Facts) -> Found:
    unknown: Facts = worker["unknown"]
    return Found(
        _unit(worker),
        active=worker["state"] in ACTIVE,
        pid=worker["main_pid"],
        enabled=worker["enabled"],
        digest=worker["digest"] or "",
        stale=worker["need_daemon_reload"],
        queues=None if "queues" in unknown else tuple(queue["name"] for queue in worker["queues"]),
        timeout=worker["timeout"],
    )


def _config(stock: Facts) -> SidekiqYml | None:
    said = stock.get("sidekiq_yml")
    if not stock:
        return SidekiqYml()
    if said is None:
        return None
    return SidekiqYml(
        said["concurrency"],
        said["timeout"],
        tuple(queue["name"] for queue in said["queues"]),
        tuple(
            Capsule(name, capsule["threads"], tuple(capsule["queues"])) for name, capsule in stock["capsules"].items()
        ),
        {queue["name"]: queue["weight"] for queue in said["queues"] if queue["weight"] is not None},
        said["unclear"],
    )


def _server(facts: Facts | None) -> Server | None:
    return Server(facts["processes"], facts["pool"]) if facts else None


def _release(text: str | None) -> Release | None:
    numbers = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", text or "")
    return (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else None


def _doubts(installation: Facts) -> dict[str, str]:
    """Units whose jobs are not known, and units that may be of another instance."""
    return {
        **{
            worker["name"]: f"{worker['name']} may not be of this instance. {worker['doubt']}"
            for worker in installation.get("workers", ())
            if worker["doubt"]
        },
        **{entry["name"]: unidentified(entry) for entry in installation.get("unmatched", ())},
    }
