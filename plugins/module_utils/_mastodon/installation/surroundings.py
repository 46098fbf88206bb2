# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What else of Mastodon runs on this host and takes connections, and the libraries that a Sidekiq could load."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..settings.numbers import first_number
from .ownership import same_root
from .systemd.show import Runner
from .systemd.units import Unit

_PUMA = re.compile(r"(?:^|[\s/])puma(?=$|\s)")


def web_server(units: t.Iterable[Unit], root: str | None) -> Unit | None:
    """The unit of the web server of this instance."""
    found = (unit for unit in units if unit.name == "mastodon-web.service" or _PUMA.search(unit.command))
    return next((unit for unit in found if same_root(unit.root or None, root) is not False), None)


def streaming_servers(units: t.Iterable[Unit], root: str | None) -> list[Unit]:
    """The units that run a streaming server: not the wrapper of 4.2 and newer, a oneshot that starts the instances."""
    return [
        unit
        for unit in units
        if unit.name.startswith("mastodon-streaming")
        and unit.state == "active"
        and unit.kind != "oneshot"
        and same_root(unit.directory or None, root) is not False
    ]


@dataclass(frozen=True)
class Server:
    """Processes of one kind on this host, and how many connections to PostgreSQL each may open."""

    processes: int
    pool: int


def web_connections(variables: t.Mapping[str, str]) -> Server:
    """As config/puma.rb and config/database.yml say. `variables`: those that the server sees."""
    processes = first_number(variables.get("WEB_CONCURRENCY"), 2) or 1
    return Server(processes, first_number(variables.get("DB_POOL"), variables.get("MAX_THREADS"), 5) or 0)


def streaming_connections(servers: t.Sequence[t.Mapping[str, str]]) -> Server | None:
    """As streaming/database.js says. `servers`: the variables that each of them sees; None if there is no server."""
    pools = [first_number(variables.get("DB_POOL"), 10) or 0 for variables in servers]
    return Server(len(pools), max(pools)) if pools else None


def jemalloc(run: Runner) -> str | None:
    """The name of jemalloc as the loader knows it; the plain name, which Mastodon uses, before others."""
    try:
        _code, out, _err = run(["/sbin/ldconfig", "-p"])
    except OSError:
        return None
    return min(re.findall(r"^\s*(libjemalloc\.so\S*) ", out, re.MULTILINE), default=None)
