# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a failure of Redis means, and what its user can do about it.

Works on the names and texts of redis-py's exceptions, not on its classes: those differ between 3.5 and 8. No text of a
server is passed on as it is, because redis-py puts the command, and with it perhaps a job, before it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import ssl
import typing as t

from ..text import text as shown
from .settings import ConnectionSettings, describe

LOST: t.Final = (
    "has lost data since this task began: it was emptied, restarted without them, or set back to an earlier state. Nothing"
    " more was changed. Find out what Redis has lost first; sidekiq_archive with force: true puts back the jobs of the archive"
    " that do not wait in their place."
)
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)
_CLOSED = (errno.ECONNRESET, errno.EPIPE)
_WRONG_TYPE = re.compile(r"the key '[^']*' (?:holds a \w+ where Sidekiq keeps a \w+|is no \w+)")
_UNKNOWN_COMMAND = re.compile(r"(?:ERR )?unknown command ['`](\w+)['`]")
_NO_PERMISSION = re.compile(
    r"(?:User \S+|this user) has no permissions to (?:run the '[^']+' command(?: on the key '[^']*')?|access [\w ]+)|"
    r"no permissions to access (?:one of the keys|a key)"
)


def explain(error: BaseException, settings: ConnectionSettings) -> str | None:
    """Say which server, which option and which fix; None when the error is not about the connection."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = str(error)
    reason = _refused_login(kinds, text, settings) or _server_state(kinds, text) or _network(error, kinds, settings)
    if reason is None and "ResponseError" in kinds:
        reason = _refused_command(text)
    if reason is None:
        return None
    origin = f" (from {settings.origin})" if settings.origin else ""
    return f"Redis at {describe(settings)}{origin} {reason}"


@contextlib.contextmanager
def of_type(key: bytes, kind: str) -> t.Iterator[None]:
    """For commands on one key: if it is of another type, the error names it, which that of Redis does not."""
    try:
        yield
    except Exception as error:
        if "WRONGTYPE" not in str(error):
            raise
        raise type(error)(f"WRONGTYPE the key '{shown(key)}' is no {kind}") from None


def _refused_login(kinds: set[str], text: str, settings: ConnectionSettings) -> str | None:
    where = _login_place(settings.origin)
    if "NoPermissionError" in kinds or "NOPERM" in text or _NO_PERMISSION.search(text):
        detail = _NO_PERMISSION.search(text)
        user = f"the user {settings.username}" if settings.username else "the default user"
        return (
            f"does not permit {user} what this task needs{f' ({detail.group(0)})' if detail else ''}."
            " Widen its ACL rules (redis-cli ACL GETUSER shows them), or log in as the user that Sidekiq uses:"
            f" {where}."
        )
    if "NOAUTH" in text or "Authentication required" in text:
        return f"asks for a password and none was given. Set {where}."
    if "without any password configured" in text:
        return f"has no password, but one was given. Remove it: {where}."
    if "AuthenticationError" in kinds or "WRONGPASS" in text or "invalid password" in text:
        given = f"the password of the user {settings.username}" if settings.username else "the password"
        return f"refuses {given}. Correct {where}."
    return None


def _login_place(origin: str) -> str:
    if origin == "redis_url":
        return "the login in redis_url (or redis_username and redis_password)"
    if not origin or origin.startswith("redis_"):
        return "redis_username and redis_password"
    return f"the user and the password that belong to {origin}, or set redis_url instead"


def _server_state(kinds: set[str], text: str) -> str | None:
    if "BusyLoadingError" in kinds or "LOADING" in text:
        return "is loading its data from disk. Wait until it has finished (redis-cli INFO persistence) and run again."
    if "ReadOnlyError" in kinds or "READONLY" in text:
        return "is a read-only replica. Point the task at the master (redis-cli INFO replication names it)."
    if "MasterDownError" in kinds or "MASTERDOWN" in text:
        return "is a replica that has lost its master. Point the task at the master."
    if "OutOfMemoryError" in kinds or "OOM command not allowed" in text:
        return "has reached its maxmemory and refuses to write. Raise maxmemory, or free memory, and run again."
    if "MISCONF" in text:
        return "cannot save to its disk and therefore refuses to write. Look at the log and the disk of Redis."
    if "LOSTDATA" in text:
        return LOST
    wrong = _WRONG_TYPE.search(text)
    if wrong:
        return f"is not as Sidekiq keeps it: {wrong.group(0)}. Find out who wrote that key, and rename or delete it."
    if "max number of clients" in text:
        return "has no free client connection (maxclients). Raise maxclients, or stop unused clients, and run again."
    if "protected mode" in text:
        return "is in protected mode: it takes connections from its own machine only. Run the task there."
    if "DB index" in text:
        return "does not have this database. Correct redis_db, or the database in the URL (databases in redis.conf)."
    return None


def _refused_command(text: str) -> str:
    if "WRONGTYPE" in text:
        return (
            "is not as Sidekiq keeps it: a key that this task uses is of another type. Find it (redis-cli TYPE), find out who"
            " wrote it, and rename or delete it."
        )
    unknown = _UNKNOWN_COMMAND.match(text)
    if unknown:
        return f"knows no command {unknown.group(1)}: it is too old, or the command was renamed (rename-command in redis.conf)."
    return (
        "refused a command of this task. What it said may quote a job, so it is not shown: redis-cli INFO errorstats counts"
        " such errors by their kind, and the log of Redis may tell more."
    )


def _network(error: BaseException, kinds: set[str], settings: ConnectionSettings) -> str | None:
    where = settings.origin or "the redis_ options"
    cause = _system_error(error)
    if isinstance(cause, ssl.SSLError):
        return _tls(cause)
    if isinstance(cause, socket.gaierror):
        return (
            f"cannot be looked up: the host name is not known on this machine. Correct the host in {where}, or run the"
            " task where the name is known."
        )
    if "TimeoutError" in kinds or isinstance(cause, socket.timeout):
        if "connecting" in str(error) or not str(error):
            if settings.tls:
                return (
                    f"did not accept a connection within {settings.connect_timeout:g} s, or did not finish the TLS"
                    f" handshake within {settings.command_timeout:g} s. Check the address in {where}; if nothing speaks"
                    " TLS there, leave TLS away (redis:// and no redis_tls) or correct the port."
                )
            return (
                f"did not accept a connection within {settings.connect_timeout:g} s. Check the address in {where} and"
                " the firewalls between, or raise redis_connect_timeout."
            )
        return (
            f"did not answer within {settings.command_timeout:g} s. It is overloaded or out of reach: look at"
            " redis-cli SLOWLOG GET, or raise redis_timeout."
        )
    if isinstance(cause, OSError) and cause.errno not in _CLOSED:
        return _system(cause, where, settings)
    if isinstance(cause, OSError) or "ConnectionError" in kinds:
        return _closed(settings)
    return None


def _closed(settings: ConnectionSettings) -> str:
    hint = " A port that speaks only TLS does so: set redis_tls, or rediss:// in the URL."
    return (
        f"closed the connection.{'' if settings.tls or settings.socket else hint}"
        " Otherwise look at the log of Redis, and at its maxclients."
    )


def _tls(cause: ssl.SSLError) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"shows a TLS certificate that cannot be trusted ({cause.verify_message}). Set redis_tls_ca to the"
            " certificate of its authority, use the host name the certificate is for, or set redis_tls_verify to false."
        )
    if "CERTIFICATE_REQUIRED" in str(cause) or "HANDSHAKE_FAILURE" in str(cause):
        return "asks for a TLS certificate of the client. Set redis_tls_cert and redis_tls_key."
    if cause.reason in ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE") or isinstance(
        cause, ssl.SSLEOFError
    ):
        return "does not speak TLS there. Correct the port, or leave TLS away (redis:// and no redis_tls)."
    return f"and this machine cannot agree on TLS ({cause.reason or 'no reason given'}). Check the redis_tls options."


def _system(cause: OSError, where: str, settings: ConnectionSettings) -> str:
    if cause.errno == errno.ECONNREFUSED:
        return f"refuses connections: nothing listens there. Start Redis, or correct the address in {where}."
    if settings.socket is not None and cause.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"does not exist. Start Redis, or correct the path in {where} (unixsocket in redis.conf)."
    if settings.socket is not None and cause.errno in (errno.EACCES, errno.EPERM):
        return (
            f"may not be opened by the user with the id {os.geteuid()}. Use become, with a user of the group that owns"
            " the socket (unixsocketperm in redis.conf)."
        )
    if cause.errno in _UNREACHABLE:
        return f"cannot be reached from this machine. Check the address in {where} and the network between."
    return f"cannot be used: {cause.strerror or type(cause).__name__}."


def _system_error(error: BaseException | None) -> BaseException | None:
    """redis-py wraps the error of the socket once or twice; it stays reachable as cause or context."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
