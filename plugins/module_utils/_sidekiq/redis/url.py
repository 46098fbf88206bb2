# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Redis URLs, read as Mastodon's Ruby clients read them."""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import BadOption
from .settings import DEFAULT_HOST, DEFAULT_PORT, ConnectionSettings

ENCODE: t.Final = (
    "Characters such as / ? # [ ] % in a user name or password must be percent-encoded (for example %2F for a slash)."
)
"""What to do about most URLs that cannot be read."""
_SCHEMES = "redis://, rediss:// or unix://"

Dialect = t.Literal["strict", "redis-client", "redis-rb"]
"""Who reads the URL: we, or one of Ruby's clients (redis-rb means its release 4)."""


def parse_url(url: str, name: str, dialect: Dialect = "strict") -> ConnectionSettings:
    """Turn `redis://`, `rediss://`, `unix://` or a socket path into settings.

    As in redis-client (lib/redis_client/url_config.rb) a user without a password *is* the password, the database is the
    path or, failing that, `?db=N`, and a URL without a scheme is the path of a socket. A dialect of Ruby takes `+`
    in a user or password for a blank and ignores other parameters. redis-rb (lib/redis/client.rb) ignores all of them,
    a user without a password, and all but the path of a socket.

    Raises BadOption, which names `name` and never quotes the URL: there may be a password in it.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = parts.hostname
    except ValueError:
        raise BadOption(f"{name}: the host or the port in the URL cannot be read. {ENCODE}") from None
    if parts.scheme not in ("", "redis", "rediss", "unix"):
        raise BadOption(f"{name}: the URL must begin with {_SCHEMES}, or be the path of a socket.")
    if parts.fragment:
        raise BadOption(f"{name}: a # in the URL ends it. Inside a password write %23.")
    query = _query(parts.query, name, dialect)
    username, password = _login(parts.username, parts.password, name, dialect)
    username, password = username or query.get("username"), password or query.get("password")
    if parts.scheme in ("", "unix"):
        path = unquote(parts.path)
        if host or not path.startswith("/"):
            raise BadOption(
                f"{name}: the URL must begin with {_SCHEMES}, or be the absolute path of a socket"
                " (three slashes: unix:///run/redis/redis.sock)."
            )
        if dialect == "redis-rb":
            return ConnectionSettings(socket=path, origin=name)
        return ConnectionSettings(
            socket=path, db=_db(query.get("db", ""), name), username=username, password=password, origin=name
        )
    if "password" in query or "username" in query:
        raise BadOption(f"{name}: write the user and the password before the host: redis://USER:PASSWORD@HOST.")
    return ConnectionSettings(
        host=host or DEFAULT_HOST,
        port=DEFAULT_PORT if port is None else port,
        db=_db(parts.path[1:] or query.get("db", ""), name),
        username=username,
        password=password,
        tls=parts.scheme == "rediss",
        origin=name,
    )


def _login(user: str | None, password: str | None, name: str, dialect: Dialect) -> tuple[str | None, str | None]:
    if password is None:
        user, password = None, None if dialect == "redis-rb" else user
    return _decode(user, name, dialect), _decode(password, name, dialect)


def _decode(text: str | None, name: str, dialect: Dialect) -> str | None:
    if not text:
        return None
    try:
        return unquote(text if dialect == "strict" else text.replace("+", " "), errors="strict")
    except UnicodeDecodeError:
        raise BadOption(f"{name}: a percent-encoded part of the URL is not UTF-8.") from None


def _query(query: str, name: str, dialect: Dialect) -> dict[str, str]:
    if dialect == "redis-rb":
        return {}
    if dialect == "redis-client":
        return {key: value for key, value in parse_qsl(query) if key == "db"}
    parameters = dict(parse_qsl(query.replace("+", "%2B")))
    if parameters.keys() - {"db", "username", "password"}:
        raise BadOption(
            f"{name}: only db is understood after the question mark of the URL; give other settings as options."
            " A ? inside a password is written %3F."
        )
    return parameters


def _db(text: str, name: str) -> int:
    if not text:
        return 0
    if text.isascii() and text.isdigit():
        return int(text)
    raise BadOption(f"{name}: the database (after the last slash of the URL, or in ?db=) must be a number from 0 on.")
