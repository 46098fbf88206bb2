# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What else of Mastodon runs on this host and takes connections, and the libraries that a Sidekiq could load."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

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


def web_connections(unit: Unit, files: t.Mapping[str, str]) -> Server:
    """config/puma.rb and config/database.yml. `files`: the variables of Mastodon's own files."""
    variables = {**files, **unit.environment()}
    processes = _first(variables.get("WEB_CONCURRENCY"), 2)
    return Server(max(1, processes), _first(variables.get("DB_POOL"), variables.get("MAX_THREADS"), 5))


def streaming_connections(units: t.Sequence[Unit], files: t.Mapping[str, str]) -> Server | None:
    """streaming/database.js. None where no streaming server runs here."""
    pools = [_first({**files, **unit.environment()}.get("DB_POOL"), 10) for unit in units]
    return Server(len(pools), max(pools)) if pools else None


def _first(*values: t.Any) -> int:
    """The first that is a number."""
    return next(int(value) for value in values if value is not None and str(value).isdecimal())


def jemalloc(run: Runner) -> str | None:
    """The name of jemalloc as the loader knows it; the plain name, which Mastodon uses, before others."""
    try:
        _code, out, _err = run(["/sbin/ldconfig", "-p"])
    except OSError:
        return None
    return min(re.findall(r"^\s*(libjemalloc\.so\S*) ", out, re.MULTILINE), default=None)
