# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How Mastodon builds one Redis URL out of its variables: the rules up to 4.2, and those from 4.3 on.

Sources: lib/mastodon/redis_config.rb (4.2), lib/mastodon/redis_configuration.rb (4.3 and newer).
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

from ..._sidekiq.errors import BadOption
from ..._sidekiq.redis.settings import DEFAULT_HOST, DEFAULT_PORT, DEFAULT_SENTINEL_PORT, ConnectionSettings
from ..._sidekiq.redis.url import Dialect, parse_url
from .variables import Variables


def new_rules(variables: Variables, prefix: str, dialect: Dialect) -> ConnectionSettings | None:
    """From 4.3 on: a URL alone, else sentinels, else a host; none of them with this prefix is None."""
    name = f"{prefix}REDIS_"
    url = variables.get(f"{name}URL")
    if url is not None:
        if not url.strip():
            raise BadOption(
                f"{variables.where(name + 'URL')} is empty, which Mastodon 4.3 and newer take for a URL and fail on."
                " Remove the line, or give it a value."
            )
        return parse_url(url, variables.where(f"{name}URL"), dialect)
    master, sentinels = variables.filled(f"{name}SENTINEL_MASTER"), _sentinels(variables, name)
    if master and sentinels:
        return replace(
            _login(variables, name),
            sentinels=sentinels,
            sentinel_service=master,
            sentinel_username=_first(variables, f"{name}SENTINEL_USERNAME", f"{name}USER"),
            sentinel_password=_first(variables, f"{name}SENTINEL_PASSWORD", f"{name}PASSWORD"),
            db=_number(variables, f"{name}DB", 0),
            origin=variables.where(f"{name}SENTINELS"),
        )
    if variables.filled(f"{name}HOST"):
        return _by_host(variables, name)
    if prefix:
        return None
    if f"{name}HOST" in variables:
        raise BadOption(
            f"{variables.where(name + 'HOST')} is empty, and Mastodon 4.3 and newer do not start with it."
            " Remove the line, or give it a value."
        )
    return _by_host(variables, name)


def old_rules(variables: Variables, prefix: str) -> ConnectionSettings | None:
    """Up to 4.2: a URL that is not blank, else whatever of password, host, port and database is set."""
    name = f"{prefix}REDIS_"
    url = variables.filled(f"{name}URL")
    if url:
        return parse_url(url, variables.where(f"{name}URL"), "redis-rb")
    if prefix and not any(f"{name}{part}" in variables for part in ("PASSWORD", "HOST", "PORT", "DB")):
        return None
    return replace(_by_host(variables, name), username=None)


def _by_host(variables: Variables, name: str) -> ConnectionSettings:
    host = variables.filled(f"{name}HOST") or DEFAULT_HOST
    if "/" in host:
        raise BadOption(
            f"{variables.where(name + 'HOST')} is not a host name. A socket is given as {name}URL=unix:///run/redis.sock."
        )
    return replace(
        _login(variables, name),
        host=host[1:-1] if host.startswith("[") else host,
        port=_number(variables, f"{name}PORT", DEFAULT_PORT),
        db=_number(variables, f"{name}DB", 0),
        origin=_first_set(variables, name),
    )


def _first_set(variables: Variables, name: str) -> str:
    for part in ("HOST", "PORT", "DB", "PASSWORD"):
        if f"{name}{part}" in variables:
            return variables.where(f"{name}{part}")
    return f"Mastodon's default, as {name}HOST and {name}URL are not set"


def _login(variables: Variables, name: str) -> ConnectionSettings:
    """A user without a password is no login: redis-client would take the user for the password."""
    password = _text(variables, f"{name}PASSWORD")
    return ConnectionSettings(username=_text(variables, f"{name}USER") if password else None, password=password)


def _text(variables: Variables, name: str) -> str | None:
    """Mastodon puts the value into a URL with Addressable, which decodes %XX before it encodes."""
    return unquote(variables.get(name) or "") if variables.filled(name) else None


def _first(variables: Variables, *names: str) -> str | None:
    """The first that is set decides, even if it is empty; these do not go through a URL."""
    return next((variables.get(name) for name in names if name in variables), None) or None


def _number(variables: Variables, name: str, default: int) -> int:
    text = variables.filled(name)
    if not text:
        return default
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise BadOption(f"{variables.where(name)} is not a number that Redis can use.")


def _sentinels(variables: Variables, name: str) -> tuple[tuple[str, int], ...]:
    default = _number(variables, f"{name}SENTINEL_PORT", DEFAULT_SENTINEL_PORT)
    sentinels = []
    for entry in variables.filled(f"{name}SENTINELS").split(","):
        host, _colon, port = entry.strip().partition(":")
        if port and not (port.isascii() and port.isdigit() and int(port) <= 65535):
            raise BadOption(f"{variables.where(name + 'SENTINELS')} must be host:port, separated by commas.")
        if host:
            sentinels.append((host, int(port) if port else default))
    return tuple(sentinels)
