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

from ..errors import Hint, NoConnection
from ..text import text as shown
from .settings import ConnectionSettings, describe

LOST: t.Final = (
    "has lost data since this task began: it was emptied, restarted without them, or set back to an earlier state. Nothing"
    " more was changed."
)
_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)
_CLOSED = (errno.ECONNRESET, errno.EPIPE)
_WRONG_TYPE = re.compile(r"the key '[^']*' (?:holds a \w+ where Sidekiq keeps a \w+|is no \w+)")
_UNKNOWN_COMMAND = re.compile(r"(?:ERR )?unknown command ['`](\w+)['`]")
_NO_PERMISSION = re.compile(
    r"(?:User \S+|this user) has no permissions to (?:run the '[^']+' command(?: on the key '[^']*')?|access [\w ]+)|"
    r"no permissions to access (?:one of the keys|a key)"
)


class Reason(t.NamedTuple):
    """The end of a sentence that begins with the server; the hint says what to do by an option of a module."""

    text: str
    hint: Hint = ""


def explain(error: BaseException, settings: ConnectionSettings) -> NoConnection | None:
    """The failure that says which server and why; None when the error is not about the connection."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = str(error)
    reason = _refused_login(kinds, text, settings) or _server_state(kinds, text) or _network(error, kinds, settings)
    if reason is None and "ResponseError" in kinds:
        reason = _refused_command(text)
    if reason is None:
        return None
    origin = f" (from {settings.origin})" if settings.origin else ""
    return NoConnection(f"Redis at {describe(settings)}{origin} {reason.text}", reason.hint, settings.origin)


@contextlib.contextmanager
def of_type(key: bytes, kind: str) -> t.Iterator[None]:
    """For commands on one key: if it is of another type, the error names it, which that of Redis does not."""
    try:
        yield
    except Exception as error:
        if "WRONGTYPE" not in str(error):
            raise
        raise type(error)(f"WRONGTYPE the key '{shown(key)}' is no {kind}") from None


def _refused_login(kinds: set[str], text: str, settings: ConnectionSettings) -> Reason | None:
    if "NoPermissionError" in kinds or "NOPERM" in text or _NO_PERMISSION.search(text):
        detail = _NO_PERMISSION.search(text)
        user = f"the user {settings.username}" if settings.username else "the default user"
        what = f"what this task needs{f' ({detail.group(0)})' if detail else ''}"
        return Reason(f"does not permit {user} {what}.", "login_of_sidekiq")
    if "NOAUTH" in text or "Authentication required" in text:
        return Reason("asks for a password and none was given.", "set_login")
    if "without any password configured" in text:
        return Reason("has no password, but one was given.", "remove_login")
    if "AuthenticationError" in kinds or "WRONGPASS" in text or "invalid password" in text:
        given = f"the password of the user {settings.username}" if settings.username else "the password"
        return Reason(f"refuses {given}.", "correct_login")
    return None


def _server_state(kinds: set[str], text: str) -> Reason | None:
    if "LOSTDATA" in text:
        return Reason(LOST, "lost_data")
    if "DB index" in text:
        return Reason("does not have this database.", "database")
    state = _state_without_option(kinds, text)
    return None if state is None else Reason(state)


def _state_without_option(kinds: set[str], text: str) -> str | None:
    if "BusyLoadingError" in kinds or "LOADING" in text:
        return "is loading its data from disk. Wait until it has finished (redis-cli INFO persistence) and run again."
    if "ReadOnlyError" in kinds or "READONLY" in text:
        return "is a read-only replica. Point the task at the master (redis-cli INFO replication names it)."
    if "MasterDownError" in kinds or "MASTERDOWN" in text:
        return "is a replica that has lost its master. Point the task at the master."
    if "OutOfMemoryError" in kinds or "OOM command not allowed" in text:
        return "has reached its maxmemory and refuses to write. Raise maxmemory, or free memory, and run again."
    if "MISCONF" in text:
        return "cannot save to its disk and therefore refuses to write. Check the log and the disk of Redis."
    wrong = _WRONG_TYPE.search(text)
    if wrong:
        return f"is not as Sidekiq keeps it: {wrong.group(0)}. Find out who wrote that key, and rename or delete it."
    if "max number of clients" in text:
        return "has no free client connection (maxclients). Raise maxclients, or stop unused clients, and run again."
    if "protected mode" in text:
        return "is in protected mode: it takes connections from its own machine only. Run the task there."
    return None


def _refused_command(text: str) -> Reason:
    if "WRONGTYPE" in text:
        return Reason(
            "is not as Sidekiq keeps it: a key that this task uses is of another type. Find it (redis-cli TYPE), find out who"
            " wrote it, and rename or delete it."
        )
    unknown = _UNKNOWN_COMMAND.match(text)
    if unknown:
        return Reason(
            f"knows no command {unknown.group(1)}: it is too old, or the command was renamed (rename-command in redis.conf)."
        )
    return Reason(
        "refused a command of this task. What it said may quote a job, so it is not shown: redis-cli INFO errorstats counts"
        " such errors by their kind, and the log of Redis may tell more."
    )


def _network(error: BaseException, kinds: set[str], settings: ConnectionSettings) -> Reason | None:
    cause = _system_error(error)
    if isinstance(cause, ssl.SSLError):
        return _tls(cause)
    if isinstance(cause, socket.gaierror):
        return Reason("cannot be looked up: the host name is not known on this machine.", "host_name")
    if "TimeoutError" in kinds or isinstance(cause, socket.timeout):
        return _timeout(error, settings)
    if isinstance(cause, OSError) and cause.errno not in _CLOSED:
        return _system(cause, settings)
    if isinstance(cause, OSError) or "ConnectionError" in kinds:
        may_need_tls = not (settings.tls or settings.socket)
        return Reason(
            "closed the connection. Check the log of Redis, and its maxclients.", "set_tls" if may_need_tls else ""
        )
    return None


def _timeout(error: BaseException, settings: ConnectionSettings) -> Reason:
    if str(error) and "connecting" not in str(error):
        return Reason(
            f"did not answer within {settings.command_timeout:g} s. It is overloaded or out of reach.",
            "command_timeout",
        )
    connect = f"did not accept a connection within {settings.connect_timeout:g} s"
    if settings.tls:
        handshake = f"did not finish the TLS handshake within {settings.command_timeout:g} s"
        return Reason(f"{connect}, or {handshake}.", "address_or_handshake")
    return Reason(f"{connect}.", "address_or_connect_timeout")


def _tls(cause: ssl.SSLError) -> Reason:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Reason(f"shows a TLS certificate that cannot be trusted ({cause.verify_message}).", "tls_files")
    if "CERTIFICATE_REQUIRED" in str(cause) or "HANDSHAKE_FAILURE" in str(cause):
        return Reason("asks for a TLS certificate of the client.", "client_certificate")
    if cause.reason in ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE") or isinstance(
        cause, ssl.SSLEOFError
    ):
        return Reason("does not speak TLS there.", "no_tls")
    return Reason(f"and this machine cannot agree on TLS ({cause.reason or 'no reason given'}).", "tls_options")


def _system(cause: OSError, settings: ConnectionSettings) -> Reason:
    if cause.errno == errno.ECONNREFUSED:
        return Reason("refuses connections: nothing listens there.", "address")
    if settings.socket is not None and cause.errno in (errno.ENOENT, errno.ENOTDIR):
        return Reason("does not exist.", "socket_path")
    if settings.socket is not None and cause.errno in (errno.EACCES, errno.EPERM):
        return Reason(f"may not be opened by the user with the id {os.geteuid()}.", "socket_rights")
    if cause.errno in _UNREACHABLE:
        return Reason("cannot be reached from this machine.", "network")
    return Reason(f"cannot be used: {cause.strerror or type(cause).__name__}.")


def _system_error(error: BaseException | None) -> BaseException | None:
    """redis-py wraps the error of the socket once or twice; it stays reachable as cause or context."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
