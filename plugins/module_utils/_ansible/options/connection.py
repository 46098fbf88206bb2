# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The options that every module shares, and what they mean: one Redis, and warnings for the user.

The documentation fragment `fediverse.mastodon.connection` describes the same options in the same order. What finds
Mastodon's own settings is imported only when they are looked for: each run of a module compiles all that it imports.
"""

from __future__ import annotations

import os
import shutil
import typing as t
from dataclasses import replace

from ansible.module_utils.common.parameters import env_fallback

from ..._sidekiq.errors import BadOption
from ..._sidekiq.redis.settings import DEFAULT_PORT, DEFAULT_SENTINEL_PORT, ConnectionSettings
from ..._sidekiq.redis.url import parse_url

if t.TYPE_CHECKING:
    from ..._mastodon.installation.systemd.show import Runner

Options = t.Mapping[str, t.Any]

WAYS: t.Final = ("redis_url", "redis_host", "redis_socket", "redis_sentinels")
"""The options that say where Redis is. Without any of them Mastodon's own files do."""


def connection_argument_spec() -> dict[str, dict[str, t.Any]]:
    """The options of the connection for the argument spec of a module."""

    def option(name: str, kind: str, **more: t.Any) -> dict[str, t.Any]:
        return {"type": kind, "fallback": (env_fallback, [f"FEDIVERSE_{name.upper()}"]), **more}

    return {
        "mastodon_root": {
            "type": "path",
            "default": "/home/mastodon/live",
            "fallback": (env_fallback, ["MASTODON_ROOT"]),
        },
        "systemd_unit": {"type": "str", "default": "mastodon-sidekiq.service"},
        "redis_url": option("redis_url", "str", no_log=True),
        "redis_host": option("redis_host", "str"),
        "redis_port": option("redis_port", "int"),
        "redis_db": option("redis_db", "int"),
        "redis_username": option("redis_username", "str"),
        "redis_password": option("redis_password", "str", no_log=True),
        "redis_socket": option("redis_socket", "path"),
        "redis_sentinels": option("redis_sentinels", "list", elements="str"),
        "redis_sentinel_service": option("redis_sentinel_service", "str", default="mymaster"),
        "redis_sentinel_username": option("redis_sentinel_username", "str"),
        "redis_sentinel_password": option("redis_sentinel_password", "str", no_log=True),
        "redis_tls": option("redis_tls", "bool"),
        "redis_tls_ca": option("redis_tls_ca", "path"),
        "redis_tls_cert": option("redis_tls_cert", "path"),
        "redis_tls_key": option("redis_tls_key", "path", no_log=False),
        "redis_tls_verify": option("redis_tls_verify", "bool", default=True),
        "key_prefix": option("key_prefix", "str", no_log=False),
        "redis_connect_timeout": option("redis_connect_timeout", "float", default=5.0),
        "redis_timeout": option("redis_timeout", "float", default=30.0),
    }


def settings_from_options(
    options: Options, run: Runner, environ: t.Mapping[str, str]
) -> tuple[ConnectionSettings, list[str]]:
    """The Redis that the options mean, and what the user should be warned of.

    `run` runs a command given as a list and returns code, output and errors; it is used for systemctl alone, and only
    when Mastodon's own settings are looked for. `environ` is the environment of the module.
    """
    warnings: list[str] = []
    ways = [name for name in WAYS if options.get(name)]
    if len(ways) > 1:
        raise BadOption(
            f"{' and '.join(ways)} exclude each other: each says where Redis is. Leave one (an option may also come from"
            f" the environment, for example {ways[0]} from FEDIVERSE_{ways[0].upper()})."
        )
    if ways:
        settings = _BUILD[ways[0]](options)
    else:
        _refuse(options, ("redis_port", "redis_db", "redis_username", "redis_password", "redis_tls"), _NEEDS_A_WAY)
        settings, warnings = _discover(options, run, environ)
    return _with_prefix(_with_timeouts(_with_tls(settings, options), options), options), warnings


def _discover(options: Options, run: Runner, environ: t.Mapping[str, str]) -> tuple[ConnectionSettings, list[str]]:
    from ..._mastodon.installation.systemd.environment import unit_environment
    from ..._mastodon.settings.redis import RELEVANT, sidekiq_redis_settings
    from ..._mastodon.settings.release import read_release
    from ..._mastodon.settings.variables import collect

    root, unit = options["mastodon_root"], options["systemd_unit"]
    # A runner of Ansible ends the module when there is no such command, as in a container.
    of_unit = unit_environment(unit, run) if shutil.which("systemctl", path=environ.get("PATH")) else {}
    variables = collect(root, environ, unit, of_unit)
    if ".env.production" not in variables.files and not any(name in variables for name in RELEVANT):
        raise BadOption(
            f"There is no {os.path.join(root, '.env.production')} on the machine where the task runs, and no variable such"
            f" as REDIS_URL in the environment or in {unit}. Set mastodon_root to the folder with Mastodon's code, or say"
            " where Redis is with redis_url."
        )
    settings, warnings = sidekiq_redis_settings(variables, read_release(root))
    return settings, list(warnings)


def _from_url(options: Options) -> ConnectionSettings:
    _refuse(options, ("redis_port",), "beside redis_url: write the port into the URL")
    settings = parse_url(options["redis_url"], "redis_url")
    for option, stated in (("redis_username", settings.username), ("redis_password", settings.password)):
        if stated and _text(options, option) not in (None, stated):
            raise BadOption(f"{option} and the URL in redis_url say different things. Leave one of them.")
    db = options.get("redis_db")
    if settings.db and db not in (None, settings.db):
        raise BadOption(f"redis_db is {db}, and the URL in redis_url says {settings.db}. Leave one of them.")
    if settings.tls and options.get("redis_tls") is False:
        raise BadOption("redis_tls is false, and the URL in redis_url begins with rediss://. Leave one of them.")
    if settings.socket is not None:
        _refuse(options, ("redis_tls",), "beside a socket")
    return replace(
        settings,
        username=settings.username or _text(options, "redis_username"),
        password=settings.password or _text(options, "redis_password"),
        db=settings.db or _db(options),
        tls=settings.tls or bool(options.get("redis_tls")),
    )


def _from_host(options: Options) -> ConnectionSettings:
    host = options["redis_host"].strip()
    if "/" in host or host.count(":") == 1:
        raise BadOption(
            "redis_host takes a name or an address alone. The port goes into redis_port, a URL into redis_url."
        )
    port = options.get("redis_port")
    return replace(
        _login(options),
        host=host[1:-1] if host.startswith("[") and host.endswith("]") else host,
        port=DEFAULT_PORT if port is None else _port(port, "redis_port"),
        tls=bool(options.get("redis_tls")),
        origin="redis_host",
    )


def _from_socket(options: Options) -> ConnectionSettings:
    _refuse(options, ("redis_port", "redis_tls"), "beside redis_socket")
    path = options["redis_socket"]
    if not path.startswith("/"):
        raise BadOption(f"redis_socket: {path} must be an absolute path.")
    return replace(_login(options), socket=path, origin="redis_socket")


def _from_sentinels(options: Options) -> ConnectionSettings:
    _refuse(options, ("redis_port",), "beside redis_sentinels, which name the port of Redis themselves")
    return replace(
        _login(options),
        sentinels=tuple(_sentinel(entry.strip()) for entry in options["redis_sentinels"]),
        sentinel_service=options["redis_sentinel_service"],
        sentinel_username=_text(options, "redis_sentinel_username"),
        sentinel_password=_text(options, "redis_sentinel_password"),
        tls=bool(options.get("redis_tls")),
        origin="redis_sentinels",
    )


_BUILD: t.Final[t.Mapping[str, t.Callable[[Options], ConnectionSettings]]] = {
    "redis_url": _from_url,
    "redis_host": _from_host,
    "redis_socket": _from_socket,
    "redis_sentinels": _from_sentinels,
}
_LONGEST: t.Final = 86_400
"""Seconds of a timeout: sockets take no more than the clock of the platform can count."""
_NEEDS_A_WAY: t.Final = f"without one of {', '.join(WAYS)}: the settings of Mastodon are taken as they are"


def _with_tls(settings: ConnectionSettings, options: Options) -> ConnectionSettings:
    ca, cert, key = (options.get(f"redis_tls_{part}") for part in ("ca", "cert", "key"))
    if not settings.tls:
        _refuse(
            options, ("redis_tls_ca", "redis_tls_cert", "redis_tls_key"), "without TLS: set redis_tls, or use rediss://"
        )
        return settings
    if bool(cert) != bool(key):
        raise BadOption("redis_tls_cert and redis_tls_key go together: set both or neither.")
    return replace(
        settings, tls_ca=ca or None, tls_cert=cert or None, tls_key=key or None, tls_verify=options["redis_tls_verify"]
    )


def _with_timeouts(settings: ConnectionSettings, options: Options) -> ConnectionSettings:
    for option in ("redis_connect_timeout", "redis_timeout"):
        if not 0 < options[option] <= _LONGEST:
            raise BadOption(f"{option} must be more than 0 and at most {_LONGEST:,} seconds (a day).")
    return replace(settings, connect_timeout=options["redis_connect_timeout"], command_timeout=options["redis_timeout"])


def _with_prefix(settings: ConnectionSettings, options: Options) -> ConnectionSettings:
    prefix = options.get("key_prefix")
    if prefix is None:
        return settings
    return replace(settings, key_prefix=prefix if not prefix or prefix.endswith(":") else f"{prefix}:")


def _login(options: Options) -> ConnectionSettings:
    return ConnectionSettings(
        username=_text(options, "redis_username"), password=_text(options, "redis_password"), db=_db(options)
    )


def _refuse(options: Options, names: t.Iterable[str], why: str) -> None:
    for name in names:
        if options.get(name) not in (None, "", False):
            raise BadOption(f"{name} has no meaning {why}.")


def _text(options: Options, name: str) -> str | None:
    return options.get(name) or None


def _db(options: Options) -> int:
    db = options.get("redis_db")
    if isinstance(db, bool) or (db is not None and db < 0):  # Ansible takes true for a whole number
        raise BadOption(f"redis_db must be a number from 0 on, not {db}.")
    return db or 0


def _port(port: int, name: str) -> int:
    if not 0 < port < 65536:
        raise BadOption(f"{name}: {port} is not a port.")
    return port


def _sentinel(entry: str) -> tuple[str, int]:
    """`host`, `host:port`, `[IPv6]` or `[IPv6]:port`."""
    host, bracket, port = entry.rpartition("]:") if entry.startswith("[") else entry.rpartition(":")
    if not bracket:
        host, port = entry, str(DEFAULT_SENTINEL_PORT)
    host = host.strip("[]")
    if not host or "/" in host or not (port.isascii() and port.isdigit()):
        raise BadOption(f"redis_sentinels: {entry} is neither host nor host:port.")
    return host, _port(int(port), "redis_sentinels")
