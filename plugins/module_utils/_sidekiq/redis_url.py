# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Redis URLs, read as Mastodon's Ruby clients read them."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

from .connection_settings import DEFAULT_HOST, DEFAULT_PORT, ConnectionSettings
from .errors import BadOption

_SCHEMES = "redis://, rediss:// or unix://"


def parse_url(url: str, name: str = "redis_url", as_ruby: bool = False) -> ConnectionSettings:
    """Turn ``redis://``, ``rediss://``, ``unix://`` or a socket path into settings.

    As in redis-client (lib/redis_client/url_config.rb): a user without a password *is* the password, the database is
    the path or, failing that, ``?db=N``, and a URL without a scheme is the path of a socket. ``as_ruby`` follows Ruby
    also where it surprises: ``+`` in a user or password is a blank, and other query parameters are ignored.

    Raises BadOption, which names ``name`` and never quotes the URL: there may be a password in it.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = parts.hostname
    except ValueError:
        raise BadOption(
            f"{name}: the host or the port in the URL cannot be read. Characters such as / ? # [ ] % in a user name or"
            " password must be percent-encoded (for example %2F for a slash)."
        ) from None
    if parts.scheme not in ("", "redis", "rediss", "unix"):
        raise BadOption(f"{name}: the URL must begin with {_SCHEMES}, or be the path of a socket.")
    if parts.fragment:
        raise BadOption(f"{name}: a # in the URL ends it. Inside a password write %23.")
    query = _query(parts.query, name, as_ruby)
    username, password = _login(parts.username, parts.password, name, as_ruby)
    username, password = username or query.get("username"), password or query.get("password")
    if parts.scheme in ("", "unix"):
        path = _decode(parts.path, name, plus_is_blank=False)
        if host or not path.startswith("/"):
            raise BadOption(
                f"{name}: the URL must begin with {_SCHEMES}, or be the absolute path of a socket"
                " (three slashes: unix:///run/redis/redis.sock)."
            )
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


def _login(user: str | None, password: str | None, name: str, as_ruby: bool) -> tuple[str | None, str | None]:
    if user and password is None:
        user, password = None, user
    return (
        _decode(user, name, plus_is_blank=as_ruby) if user else None,
        _decode(password, name, plus_is_blank=as_ruby) if password else None,
    )


def _decode(text: str, name: str, plus_is_blank: bool) -> str:
    try:
        return unquote(text.replace("+", " ") if plus_is_blank else text, errors="strict")
    except UnicodeDecodeError:
        raise BadOption(f"{name}: a percent-encoded part of the URL is not UTF-8.") from None


def _query(query: str, name: str, as_ruby: bool) -> dict[str, str]:
    found = dict(parse_qsl(query if as_ruby else query.replace("+", "%2B")))
    known = ("db",) if as_ruby else ("db", "username", "password")
    if not as_ruby:
        for key in found:
            if key not in known:
                raise BadOption(
                    f"{name}: only db is understood after the question mark of the URL; use the other redis_ options"
                    " instead. A ? inside a password is written %3F."
                )
    return {key: value for key, value in found.items() if key in known}


def _db(text: str, name: str) -> int:
    if not text:
        return 0
    if text.isascii() and text.isdigit():
        return int(text)
    raise BadOption(f"{name}: the database (after the last slash of the URL, or in ?db=) must be a number from 0 on.")
