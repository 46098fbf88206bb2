# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What this host and PostgreSQL have room for. What cannot be read is None, with the reason."""

from __future__ import annotations

import os
import pathlib
import re
import typing as t
from dataclasses import dataclass, field

from ..._sidekiq.errors import SidekiqError
from ..database import Database, user_of
from ..settings.database import DatabaseSettings, database_settings
from ..settings.variables import Variables
from .kernel import PROC, read

_TIMEOUT: t.Final = 10.0
# Every user may read these settings and count the connections of others (pg_stat_activity shows their user and database).
_QUERY: t.Final = (
    "SELECT json_build_object("
    "'max_connections', current_setting('max_connections')::int,"
    " 'reserved', current_setting('superuser_reserved_connections')::int"
    " + coalesce(current_setting('reserved_connections', true)::int, 0),"
    " 'used_by', (SELECT coalesce(json_object_agg(who, connections), '{}'::json) FROM"
    " (SELECT coalesce(usename::text, '') || '@' || coalesce(datname::text, '') AS who, count(*) AS connections"
    " FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1) AS counted))"
)


@dataclass(frozen=True)
class Connections:
    """`reserved`: for superusers and roles with a privilege; `used_by`: connections now, by `user@database`."""

    max_connections: int | None = None
    reserved: int | None = None
    used_by: t.Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None

    @property
    def in_use(self) -> int | None:
        return None if self.max_connections is None else sum(self.used_by.values())


@dataclass(frozen=True)
class Memory:
    """In bytes; None where /proc/meminfo does not tell."""

    total: int | None
    available: int | None


def read_connections(root: str, variables: Variables | None, problem: str | None) -> Connections:
    """Ask the PostgreSQL that Mastodon's settings name."""
    if variables is None:
        return Connections(problem=problem)
    try:
        settings = database_settings(variables) or DatabaseSettings(origin="Mastodon's defaults")
        [row] = Database(settings, user_of(root, settings.user), _TIMEOUT).read(_QUERY)
    except SidekiqError as failure:
        return Connections(problem=str(failure))
    used_by = {str(who): int(count) for who, count in row["used_by"].items()}
    return Connections(int(row["max_connections"]), int(row["reserved"]), used_by)


def read_memory(proc: pathlib.Path = PROC) -> Memory:
    text = read(proc / "meminfo").decode(errors="replace")
    found = {name: int(size) * 1024 for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}
    return Memory(found.get("MemTotal"), found.get("MemAvailable"))


def count_cores() -> int | None:
    """The cores that this host has online."""
    return os.cpu_count()
