# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each failure of Redis names the server, the option and the fix, for the texts of redis-py 3.5 to 8."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest
import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.connection import ConnectionSettings
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.failures import explain, of_type

HOST = ConnectionSettings(host="h", origin="redis_host")
URL = ConnectionSettings(host="h", origin="redis_url")
FOUND = ConnectionSettings(host="h", username="bob", origin="REDIS_HOST in /live/.env.production")
SOCKET = ConnectionSettings(socket="/run/r.sock", origin="redis_socket")
TLS = ConnectionSettings(host="h", tls=True, origin="redis_url")


def caused_by(cause, text="Error while reading from socket"):
    error = redis.ConnectionError(text)
    error.__context__ = cause
    return error


def tls_error(reason):
    error = ssl.SSLError(1, f"[SSL: {reason}] text")
    error.reason = reason
    return error


def explained(error, settings):
    """The sentence of the failure, and its hint in brackets."""
    failure = explain(error, settings)
    assert failure is not None and failure.origin == settings.origin
    return f"{failure} [{failure.hint}]"


@pytest.mark.parametrize(
    ("error", "settings", "expected"),
    [
        (redis.AuthenticationError("Authentication required."), HOST, ["asks for a password", "set_login"]),
        (redis.ResponseError("NOAUTH Authentication required."), URL, ["asks for a password", "set_login"]),
        (
            redis.ResponseError("WRONGPASS invalid username-password pair"),
            HOST,
            ["refuses the password", "correct_login"],
        ),
        (redis.AuthenticationError("invalid password"), FOUND, ["user bob", "REDIS_HOST in /live/.env.production"]),
        (
            redis.AuthenticationError("AUTH <password> called without any password configured for the default user."),
            HOST,
            ["has no password", "remove_login"],
        ),
        (
            redis.exceptions.NoPermissionError(
                "Command # 2 (LPUSH q private) of pipeline caused error: this user has no permissions to run the"
                " 'lpush' command or its subcommand"
            ),
            FOUND,
            ["user bob", "'lpush' command", "login_of_sidekiq"],
        ),
        (redis.ResponseError("NOPERM No permissions to access a key"), HOST, ["the default user", "login_of_sidekiq"]),
        (redis.exceptions.BusyLoadingError("Redis is loading the dataset in memory"), HOST, ["is loading", "Wait"]),
        (redis.ResponseError("READONLY You can't write against a read only replica."), HOST, ["replica", "master"]),
        (redis.ResponseError("MASTERDOWN Link with MASTER is down"), HOST, ["lost its master"]),
        (redis.ResponseError("OOM command not allowed when used memory > 'maxmemory'."), HOST, ["maxmemory"]),
        (redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), HOST, ["cannot save"]),
        (
            redis.ResponseError("WRONGTYPE the key 'queue:b' is no list"),
            HOST,
            ["is not as Sidekiq keeps it: the key 'queue:b' is no list", "delete it"],
        ),
        (
            redis.ResponseError("Command # 1 (LPUSH q private) of pipeline caused error: WRONGTYPE Operation against"),
            HOST,
            ["is not as Sidekiq keeps it", "another type"],
        ),
        (redis.ResponseError("unknown command 'LPOS', with args beginning with: 'q' 'private'"), HOST, ["LPOS", "old"]),
        (redis.ResponseError("Command # 1 (LPUSH q private) of pipeline caused error: odd"), HOST, ["INFO errorstats"]),
        (redis.ConnectionError("max number of clients reached"), HOST, ["maxclients"]),
        (redis.ResponseError("DENIED Redis is running in protected mode because"), HOST, ["protected mode"]),
        (redis.ResponseError("DB index is out of range"), HOST, ["this database", "[database]"]),
        (redis.ConnectionError("Connection closed by server."), HOST, ["closed the connection", "set_tls"]),
        (redis.ConnectionError("Connection closed by server."), TLS, ["closed the connection", "[]"]),
        (redis.TimeoutError("Timeout connecting to server"), HOST, ["5 s", "address_or_connect_timeout"]),
        (redis.TimeoutError("Timeout reading from socket"), HOST, ["30 s", "command_timeout"]),
        (socket.timeout("timed out"), HOST, ["30 s", "command_timeout"]),
        (caused_by(socket.gaierror(-2, "Name or service not known")), HOST, ["host name", "host_name"]),
        (caused_by(OSError(errno.ECONNREFUSED, "refused")), FOUND, ["nothing listens", "REDIS_HOST in /live"]),
        (caused_by(OSError(errno.ENOENT, "none")), SOCKET, ["does not exist", "socket_path"]),
        (caused_by(OSError(errno.EACCES, "denied")), SOCKET, ["may not be opened", "socket_rights"]),
        (caused_by(OSError(errno.EHOSTUNREACH, "no route")), HOST, ["cannot be reached", "network"]),
        (caused_by(OSError(errno.ECONNRESET, "reset by peer")), HOST, ["closed the connection", "set_tls"]),
        (caused_by(OSError(errno.EPIPE, "Broken pipe")), SOCKET, ["closed the connection", "maxclients"]),
        (caused_by(tls_error("WRONG_VERSION_NUMBER")), TLS, ["does not speak TLS", "no_tls"]),
        (caused_by(tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED")), TLS, ["client_certificate"]),
        (caused_by(tls_error("UNSUPPORTED_PROTOCOL")), TLS, ["UNSUPPORTED_PROTOCOL", "tls_options"]),
    ],
)
def test_failure_is_explained(error, settings, expected):
    text = explained(error, settings)
    for word in ["Redis at", settings.origin, *expected]:
        assert word in text
    assert "private" not in text


def test_untrusted_certificate_says_why():
    cause = ssl.SSLCertVerificationError(1, "text")
    cause.verify_message = "self-signed certificate"
    assert explained(caused_by(cause), TLS).endswith("cannot be trusted (self-signed certificate). [tls_files]")


def test_the_key_of_a_wrong_type_is_named_and_other_errors_pass():
    with (
        pytest.raises(redis.ResponseError, match="^WRONGTYPE the key 'a\\\\xff' is no list$"),
        of_type(b"a\xff", "list"),
    ):
        raise redis.ResponseError("Command # 1 (LPUSH a private) of pipeline caused error: WRONGTYPE Operation against")
    with pytest.raises(redis.ResponseError, match="^other$"), of_type(b"a", "list"):
        raise redis.ResponseError("other")


@pytest.mark.parametrize("error", [redis.DataError("x"), KeyError("x")])
def test_what_is_not_about_the_connection_is_left_alone(error):
    assert explain(error, HOST) is None
