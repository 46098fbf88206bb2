# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The one place that knows redis-py: settings in, a connected client out, and errors a user can act on.

Works with redis-py 3.5 and newer. The library is imported when it is first needed, so that a machine without it gets a
sentence instead of a traceback.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
import typing as t
from dataclasses import replace

from ..errors import BadOption, Hint, NoConnection
from .failures import explain
from .settings import ConnectionSettings, address, describe
from .url import parse_url

if t.TYPE_CHECKING:
    import redis

__all__ = ["ConnectionSettings", "connect", "describe", "parse_url", "translate_errors"]

_OLDEST = (3, 5)
_LOGIN: t.Final = ("correct_login", "login_of_sidekiq", "remove_login", "set_login")


def connect(settings: ConnectionSettings) -> redis.Redis:
    """A client that speaks bytes, is connected and logged in, and never repeats a command by itself.

    Raises NoConnection, and BadOption for a TLS file that cannot be read.
    """
    library = _library()
    _check_tls_files(settings)
    if not settings.sentinels:
        return _open(library, settings)
    return _open(library, _ask_sentinels(library, settings))


@contextlib.contextmanager
def translate_errors(settings: ConnectionSettings) -> t.Iterator[None]:
    """Turn an error of redis-py that comes from the connection or the server into NoConnection; others pass unchanged."""
    library = _library()
    try:
        yield
    except library.RedisError as error:
        failure = explain(error, settings)
        if failure is None:
            raise
        # redis-py's own text may quote the command and with it a job: it must not hang on as a cause.
        raise failure from None


def _library() -> t.Any:
    try:
        import redis
    except ImportError as error:
        raise NoConnection(
            f"The Python library redis cannot be imported by {sys.executable} ({error}). Install it for that"
            " interpreter, on the machine where the task runs: python3-redis (Debian, Ubuntu, Fedora) or redis (PyPI)."
        ) from None
    version = re.match(r"(\d+)\.(\d+)", str(getattr(redis, "__version__", "")))
    if version is None or (int(version.group(1)), int(version.group(2))) < _OLDEST:
        raise NoConnection(
            f"The Python library redis that {sys.executable} finds ({getattr(redis, '__file__', None)}) is older than"
            f" {'.'.join(map(str, _OLDEST))}. Install a newer one: python3-redis (Debian) or redis (PyPI)."
        )
    return redis


def _open(library: t.Any, settings: ConnectionSettings) -> redis.Redis:
    client = library.Redis(**_arguments(library, settings))
    pool = client.connection_pool
    # Connects and logs in without a command of its own; only older releases want the name of a command.
    wants_name = inspect.signature(pool.get_connection).parameters["command_name"].default is inspect.Parameter.empty
    try:
        with translate_errors(settings):
            connection = pool.get_connection("PING") if wants_name else pool.get_connection()
            if connection.socket_timeout != settings.command_timeout:
                # redis-py 5.0 forgets it for a Unix socket. The next command connects again, with it.
                connection.disconnect()
                connection.socket_timeout = settings.command_timeout
            pool.release(connection)
    except (OSError, UnicodeError) as error:
        failure = explain(error, settings)
        raise failure or NoConnection(f"Redis at {describe(settings)} cannot be used: {type(error).__name__}") from None
    return t.cast("redis.Redis", client)


def _arguments(library: t.Any, settings: ConnectionSettings) -> dict[str, t.Any]:
    known = inspect.signature(library.Redis.__init__).parameters
    arguments: dict[str, t.Any] = {
        "db": settings.db,
        "password": settings.password,
        # As redis-client does: AUTH with the name is also accepted where the default user has no password.
        "username": settings.username or ("default" if settings.password else None),
        "socket_timeout": settings.command_timeout,
        "socket_connect_timeout": settings.connect_timeout,
        "decode_responses": False,
    }
    if "retry" in known:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        arguments["retry"] = Retry(NoBackoff(), 0)
    if "protocol" in known:
        arguments["protocol"] = 2
    # Each of these would cost two round trips for CLIENT SETINFO.
    for name in ("driver_info",) if "driver_info" in known else ("lib_name", "lib_version"):
        if name in known:
            arguments[name] = None
    if settings.socket is not None:
        return {**arguments, "unix_socket_path": settings.socket}
    arguments.update(host=settings.host, port=settings.port)
    if settings.tls:
        arguments.update(
            ssl=True,
            ssl_ca_certs=settings.tls_ca,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
            ssl_cert_reqs="required" if settings.tls_verify else "none",
            ssl_check_hostname=settings.tls_verify,
        )
    return arguments


def _ask_sentinels(library: t.Any, settings: ConnectionSettings) -> ConnectionSettings:
    """The first sentinel that knows the master decides, as in redis-client (sentinel_config.rb)."""
    answers, logins = [], False
    for host, port in settings.sentinels:
        sentinel = replace(
            settings,
            host=host,
            port=port,
            db=0,
            username=settings.sentinel_username,
            password=settings.sentinel_password,
            sentinels=(),
            origin="",
        )
        try:
            client = _open(library, sentinel)
            with translate_errors(sentinel):
                master = client.execute_command("SENTINEL", "get-master-addr-by-name", settings.sentinel_service)
        except NoConnection as error:
            answers.append(str(error).replace("Redis at", "The sentinel at", 1))
            logins = logins or error.hint in _LOGIN
            continue
        finally:
            with contextlib.suppress(UnboundLocalError):
                client.connection_pool.disconnect()
        if master:
            master_host, master_port = (part.decode() for part in master)
            return replace(
                settings,
                host=master_host,
                port=int(master_port),
                sentinels=(),
                origin=f"the sentinel at {address(host, port)}, which names the master of {settings.sentinel_service}",
            )
        answers.append(f"The sentinel at {address(host, port)} knows no master of this name.")
    raise NoConnection(
        " ".join([f"No sentinel names the master {settings.sentinel_service}.", *answers]),
        "sentinel_login" if logins else "sentinels",
        settings.origin,
    )


def _check_tls_files(settings: ConnectionSettings) -> None:
    if not settings.tls:
        return
    files: tuple[tuple[Hint, str | None], ...] = (
        ("tls_ca", settings.tls_ca),
        ("tls_cert", settings.tls_cert),
        ("tls_key", settings.tls_key),
    )
    for hint, path in files:
        if path is not None and not os.access(path, os.R_OK):
            problem = "may not be read by the user of the task" if os.path.exists(path) else "does not exist"
            raise BadOption(f"The file {path} {problem} on the machine where the task runs.", hint)
