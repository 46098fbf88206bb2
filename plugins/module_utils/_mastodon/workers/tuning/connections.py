# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The connections to PostgreSQL that are left for the Sidekiq of this host."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...installation.surroundings import streaming_connections, web_connections
from ..host import Host
from ..validate import server_connections
from .machine import Preferences

DEFAULT_MAX: t.Final = 100
"""PostgreSQL's own default of max_connections, and of superuser_reserved_connections (runtime-config-connection)."""
DEFAULT_KEPT: t.Final = 3


@dataclass(frozen=True)
class Connected:
    """Who is connected to PostgreSQL now. `elsewhere`: from other hosts to Mastodon's database; `others`: to other databases."""

    elsewhere: int = 0
    others: int = 0


@dataclass(frozen=True)
class Budget:
    """`taken` of `allowed` connections are not for the Sidekiq of this host, `other_hosts` of them are for other hosts.

    `assumed`: whether `allowed` is PostgreSQL's default, because neither PostgreSQL nor the user said how many there are.
    """

    allowed: int
    taken: int
    other_hosts: int
    assumed: bool
    sentence: str

    @property
    def free(self) -> int:
        return max(0, self.allowed - self.taken)


def connection_budget(host: Host, preferences: Preferences, elsewhere: int, connected: Connected | None) -> Budget:
    """What is left of max_connections when everybody else has what they may take.

    `elsewhere`: threads of Sidekiq processes that are not of this host; each may hold a connection.
    """
    known = preferences.max_connections if preferences.max_connections is not None else host.max_connections
    allowed = DEFAULT_MAX if known is None else known
    kept = DEFAULT_KEPT if host.max_connections is None else host.reserved
    here, others = _here(host, preferences), _other_hosts(host, preferences, elsewhere, connected)
    taken = [(kept, f"{kept} (kept by PostgreSQL)"), *here, *others]
    total = sum(count for count, _text in taken)
    terms = "".join(f" - {text}" for count, text in taken if count)
    return Budget(
        allowed,
        total,
        sum(count for count, _text in others),
        known is None,
        f"Connections to PostgreSQL: {allowed}{terms} = {max(0, allowed - total)}.{_source(host, known)}",
    )


def _source(host: Host, known: int | None) -> str:
    if known is None:
        return (
            f" PostgreSQL could not be asked, so its default of {DEFAULT_MAX} is assumed. Set tuning_max_connections to its"
            " max_connections."
        )
    if (host.variable("PREPARED_STATEMENTS") or "").lower() == "false":
        return (
            " PREPARED_STATEMENTS=false says that PgBouncer stands in between. Set tuning_max_connections to the connections"
            " that PgBouncer accepts (max_client_conn)."
        )
    return ""


def _here(host: Host, preferences: Preferences) -> list[tuple[int, str]]:
    if preferences.reserved_connections is not None:
        return [(preferences.reserved_connections, f"{preferences.reserved_connections} (tuning_reserved_connections)")]
    return [(count, f"{count} ({text})") for count, text in server_connections(host.web, host.streaming)]


def _other_hosts(
    host: Host, preferences: Preferences, elsewhere: int, connected: Connected | None
) -> list[tuple[int, str]]:
    """What the user says or what other hosts may take, but never less than what they have now."""
    given = preferences.other_connections
    if given is not None:
        expected = [(given, f"{given} (tuning_other_connections)")]
    else:
        expected = _missing(host, preferences)
        if elsewhere:
            expected.append((elsewhere, f"{elsewhere} (other Sidekiq processes)"))
    now = 0 if connected is None else connected.elsewhere + connected.others
    if connected is not None and now > sum(count for count, _text in expected):
        texts = (
            f"{connected.elsewhere} (connected now from other hosts)",
            f"{connected.others} (connected now to other databases)",
        )
        return [pair for pair in zip((connected.elsewhere, connected.others), texts) if pair[0]]
    return expected


def _missing(host: Host, preferences: Preferences) -> list[tuple[int, str]]:
    """Web and streaming servers that are not on this host are on another one, with the settings of this one."""
    if preferences.reserved_connections is not None:
        return []
    web = web_connections(host.variables) if host.web is None else None
    streaming = streaming_connections([host.variables]) if host.streaming is None else None
    return [(count, f"{count} ({text}, on another host)") for count, text in server_connections(web, streaming)]
