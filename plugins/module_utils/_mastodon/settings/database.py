# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which PostgreSQL Mastodon uses, from its variables (config/database.yml, and Rails' rule that `DATABASE_URL` wins).

Nothing here touches a file or a server.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from ..._sidekiq.errors import BadOption
from ..._sidekiq.redis.url import ENCODE
from .variables import Variables

RELEVANT: t.Final = ("DATABASE_URL", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASS")
"""The variables that can say where the database is."""

_SCHEMES: t.Final = ("postgres", "postgresql", "postgis")


@dataclass(frozen=True)
class DatabaseSettings:
    """One database. `host` is a name, an address or the directory of a socket, empty for the library's own default.

    `origin`: where this is said, for a message. Neither `repr` nor `describe` shows the password.
    """

    name: str = "mastodon_production"
    user: str = "mastodon"
    password: str = field(default="", repr=False)
    host: str = "localhost"
    port: str = "5432"
    sslmode: str = "prefer"
    origin: str = ""


def describe(settings: DatabaseSettings) -> str:
    """Name the database for a person: never the password."""
    return f"{settings.name} at {settings.host or 'the local socket'}:{settings.port}"


def database_settings(variables: Variables) -> DatabaseSettings | None:
    """The database of these variables, None if not one of them speaks of it. Raises BadOption for one that cannot be used."""
    named = next((name for name in RELEVANT if name in variables), None)
    if named is None:
        return None
    said = {
        part: value
        for part, name in (
            ("name", "DB_NAME"),
            ("user", "DB_USER"),
            ("password", "DB_PASS"),
            ("host", "DB_HOST"),
            ("port", "DB_PORT"),
            ("sslmode", "DB_SSLMODE"),
        )
        if (value := variables.get(name)) is not None
    }
    settings = replace(DatabaseSettings(origin=variables.where(named)), **said)
    url = variables.filled("DATABASE_URL")
    return with_url(settings, url, variables.where("DATABASE_URL")) if url else _checked(settings)


def with_url(settings: DatabaseSettings, url: str, origin: str) -> DatabaseSettings:
    """The settings with what a URL says; `origin` names it in an error, which never shows the URL itself."""
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        raise BadOption(f"{origin} holds a URL whose host or port cannot be read. {ENCODE}") from None
    if parts.scheme not in _SCHEMES:
        raise BadOption(f"{origin} is no URL of PostgreSQL: write postgresql://USER:PASSWORD@HOST:PORT/NAME.")
    said = {
        "name": unquote(parts.path.lstrip("/")),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": unquote(_host(parts)),
        "port": str(port or ""),
    }
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    for part, name in (
        ("host", "host"),
        ("port", "port"),
        ("user", "user"),
        ("password", "password"),
        ("sslmode", "sslmode"),
    ):
        if query.get(name):
            said[part] = query[name]
    return _checked(replace(settings, origin=origin, **{part: value for part, value in said.items() if value}))


def _host(parts: SplitResult) -> str:
    """As it is written: `hostname` would put the directory of a socket into lower case."""
    host = parts.netloc.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _checked(settings: DatabaseSettings) -> DatabaseSettings:
    if not (settings.port.isascii() and settings.port.isdigit() and 0 < int(settings.port) < 65536):
        raise BadOption(f"The port of PostgreSQL ({settings.origin}) is no port: {settings.port!r}.")
    for part in (settings.name, settings.user, settings.password, settings.host):
        if "\0" in part:
            raise BadOption(f"What {settings.origin} says of PostgreSQL holds a null byte.")
    return settings
