# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that keep their secrets, the library that may be missing, and the errors that are turned into sentences."""

from __future__ import annotations

import pickle
import sys
import types

import pytest
import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption, NoConnection
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.connection import (
    ConnectionSettings,
    connect,
    describe,
    translate_errors,
)

SECRET = ConnectionSettings(password="sesame", sentinel_password="open", username="bob")


def test_secrets_are_in_no_text():
    for text in (repr(SECRET), str(SECRET), f"{SECRET}", describe(SECRET)):
        assert "sesame" not in text
        assert "open" not in text
    assert SECRET.secrets == {"sesame", "open"}
    assert ConnectionSettings(password="a/b").secrets == {"a/b", "a%2Fb"}
    assert ConnectionSettings(password="").secrets == frozenset()
    assert pickle.loads(pickle.dumps(SECRET)) == SECRET


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (ConnectionSettings(host="127.0.0.1"), "127.0.0.1:6379 db 0"),
        (ConnectionSettings(host="::1", db=2), "[::1]:6379 db 2"),
        (ConnectionSettings(host="h", port=6380, tls=True), "h:6380 db 0 over TLS"),
        (ConnectionSettings(socket="/run/x.sock"), "socket /run/x.sock"),
        (ConnectionSettings(socket="/run/x.sock", db=3), "socket /run/x.sock db 3"),
        (
            ConnectionSettings(sentinels=(("a", 26379), ("::1", 26380)), sentinel_service="mymaster"),
            "master mymaster (sentinels a:26379, [::1]:26380) db 0",
        ),
    ],
)
def test_description_names_the_server(settings, expected):
    assert describe(settings) == expected


def test_missing_library_names_interpreter_and_packages(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(NoConnection) as failure:
        connect(ConnectionSettings())
    for word in (sys.executable, "python3-redis", "PyPI"):
        assert word in str(failure.value)


@pytest.mark.parametrize("version", ["2.10.6", "3.4.1", "unknown"])
def test_too_old_library_is_refused(monkeypatch, version):
    monkeypatch.setitem(sys.modules, "redis", types.SimpleNamespace(__version__=version, __file__="/x/redis.py"))
    with pytest.raises(NoConnection, match=r"/x/redis.py.*older than 3\.5"):
        connect(ConnectionSettings())


TLS_FILES = {
    "tls_ca": lambda path: ConnectionSettings(tls=True, tls_ca=path),
    "tls_cert": lambda path: ConnectionSettings(tls=True, tls_cert=path),
    "tls_key": lambda path: ConnectionSettings(tls=True, tls_key=path),
}


@pytest.mark.parametrize("option", TLS_FILES)
def test_tls_file_that_is_not_there_is_named(option, tmp_path):
    with pytest.raises(BadOption, match=r"missing\.pem does not exist") as failure:
        connect(TLS_FILES[option](str(tmp_path / "missing.pem")))
    assert failure.value.hint == option


def test_refused_connection_names_address_and_option(free_port):
    with pytest.raises(NoConnection) as failure:
        connect(ConnectionSettings(host="127.0.0.1", port=free_port, origin="redis_host"))
    assert f"127.0.0.1:{free_port} db 0" in str(failure.value)
    assert "nothing listens there" in str(failure.value)
    assert (failure.value.hint, failure.value.origin) == ("address", "redis_host")


def test_socket_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NoConnection, match=f"socket {tmp_path}/no.sock .*does not exist"):
        connect(ConnectionSettings(socket=f"{tmp_path}/no.sock", origin="redis_socket"))


def test_unknown_host_is_named():
    with pytest.raises(NoConnection, match="no.such.invalid:6379.* host name is not known"):
        connect(ConnectionSettings(host="no.such.invalid", origin="redis_url"))


def test_sentinels_that_do_not_answer_are_named_with_the_service(free_port):
    sentinels = (("127.0.0.1", free_port), ("no.such.invalid", 26379))
    with pytest.raises(NoConnection) as failure:
        connect(ConnectionSettings(sentinels=sentinels, sentinel_service="toot", password="sesame"))
    text = str(failure.value)
    assert "master toot" in text
    assert failure.value.hint == "sentinels"
    assert f"The sentinel at 127.0.0.1:{free_port}" in text
    assert "The sentinel at no.such.invalid:26379" in text
    assert "sesame" not in text


def test_errors_of_the_library_are_translated_without_their_command():
    with pytest.raises(NoConnection) as failure, translate_errors(SECRET):
        raise redis.exceptions.ReadOnlyError("Command # 1 (LPUSH queue:push private post) of pipeline caused error")
    assert "read-only replica" in str(failure.value)
    assert "private" not in str(failure.value)
    assert failure.value.__suppress_context__


def test_other_errors_pass_unchanged():
    for error in (KeyError("x"), OSError("disk"), redis.DataError("no type for Redis"), BadOption("b")):
        with pytest.raises(type(error)) as caught, translate_errors(SECRET):
            raise error
        assert caught.value is error


@pytest.fixture
def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
