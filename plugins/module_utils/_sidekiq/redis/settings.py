# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Where a Redis is and how to log in, as one value that can be compared, copied and printed safely."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

DEFAULT_HOST = "localhost"
DEFAULT_PORT = 6379
DEFAULT_SENTINEL_PORT = 26379


@dataclass(frozen=True)
class ConnectionSettings:
    """One Redis: by host and port, by socket, or by the sentinels that know its master.

    Timeouts are seconds. `origin` says where the settings come from (an option, or a variable and its file) so that
    an error can say what to correct. Neither `repr` nor `describe` shows a password.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    socket: str | None = None
    tls: bool = False
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_verify: bool = True
    sentinels: tuple[tuple[str, int], ...] = ()
    sentinel_service: str | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    key_prefix: str = ""
    connect_timeout: float = 5.0
    command_timeout: float = 30.0
    origin: str = ""

    @property
    def secrets(self) -> frozenset[str]:
        """Every string that must not reach a screen or a log: the passwords, plain and as a URL holds them."""
        passwords = [password for password in (self.password, self.sentinel_password) if password]
        return frozenset([*passwords, *(quote(password, safe="") for password in passwords)])


def address(host: str, port: int) -> str:
    """`host:port`, with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def describe(settings: ConnectionSettings) -> str:
    """Name the server for a person: never a user name, never a password."""
    if settings.socket is not None:
        return f"socket {settings.socket}" + (f" db {settings.db}" if settings.db else "")
    if settings.sentinels:
        known_by = ", ".join(address(*sentinel) for sentinel in settings.sentinels)
        return f"master {settings.sentinel_service} (sentinels {known_by}) db {settings.db}"
    return f"{address(settings.host, settings.port)} db {settings.db}" + (" over TLS" if settings.tls else "")
