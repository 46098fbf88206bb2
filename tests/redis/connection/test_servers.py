# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection against real servers: logins, TLS, Sentinel, states of a server, and every redis-py that Debian ships."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import warnings

import pytest
import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.hints import with_hint
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import NoConnection
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis import connection
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.connection import (
    ConnectionSettings,
    connect,
    translate_errors,
)
from ansible_collections.fediverse.mastodon.tests.redis.redis_servers import (
    free_port,
    make_certificate,
    redis_server,
    sentinel,
    tls_server,
)

PROBE = pathlib.Path(__file__).parent / "connection_probe.py"
COLLECTIONS = next(
    parent.parent for parent in pathlib.Path(connection.__file__).parents if parent.name == "ansible_collections"
)


def failure(settings, *command):
    with pytest.raises(NoConnection) as caught:
        client = connect(settings)
        with translate_errors(settings):
            client.execute_command(*(command or ("PING",)))
    return with_hint(caught.value)


@pytest.fixture(scope="module")
def protected():
    """A server with a password and an ACL user."""
    with redis_server() as (client, path):
        client.execute_command("ACL", "SETUSER", "bob", "on", ">bobpw", "~key", "+get", "+select")
        client.config_set("requirepass", "pw")
        yield client, str(path)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def open_server():
    with redis_server() as (client, path):
        yield client, ConnectionSettings(socket=str(path), origin="redis_socket")


# Ubuntu 22.04 and RHEL 8 and 9, Debian 12, Ubuntu 24.04, Debian 13, and what the tests run with.
@pytest.mark.parametrize("version", ["3.5.3", "4.3.4", "5.0.1", "6.1.0", redis.__version__])
def test_every_redis_py_does_the_same(version, protected, tmp_path):
    _client, path = protected
    environment = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}
    if version != redis.__version__:
        wanted = [f"redis=={version}", *(["setuptools<81"] if version.startswith("3.") else [])]
        install = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
            str(tmp_path),
        ]
        subprocess.run([*install, *wanted], check=True)
        environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{COLLECTIONS}"
    probe = [sys.executable, str(PROBE), path, str(tmp_path / "absent.sock")]
    found = json.loads(subprocess.run(probe, check=True, capture_output=True, text=True, env=environment).stdout)
    assert found["version"] == version
    # One round trip for the password and one for the database: none to say who we are.
    assert [name for name in found["handshake"] if "config" not in name] == ["cmdstat_auth", "cmdstat_select"]
    assert found["bytes"] == r"[b'\xff', None]"
    assert found["acl user"] == "None"
    for case, words in {
        "wrong password": "refuses the password",
        "no password": "asks for a password",
        "no permission": "does not permit the user bob",
        "no database": "does not have this database",
        "no socket": "absent.sock does not exist",
        "no listener": "nothing listens there",
        "no host": "host name is not known",
        "slow": "did not answer within 0.2 s",
    }.items():
        assert words in found[case], case


def test_connecting_gives_no_deprecation_warning(protected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        connect(ConnectionSettings(socket=protected[1], password="pw")).ping()


def test_command_without_an_answer_is_never_repeated():
    """A listener that reads and stays silent: what a server looks like that dies at the worst moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = ConnectionSettings(host="127.0.0.1", port=listener.getsockname()[1], command_timeout=0.2)
        assert "did not answer" in failure(settings, "RPUSH", "list", "once")
        listener.settimeout(0.5)
        received = []
        with pytest.raises(TimeoutError):
            while True:
                with listener.accept()[0] as peer:
                    received.append(peer.recv(4096))
    assert [part.count(b"RPUSH") for part in received] == [1]


def test_password_is_accepted_where_none_is_needed(open_server):
    _client, settings = open_server
    assert connect(ConnectionSettings(socket=settings.socket, password="any")).ping()


def test_replica_that_refuses_to_write(open_server):
    client, settings = open_server
    client.replicaof("127.0.0.1", 1)
    assert "read-only replica" in failure(settings, "SET", "key", "value")


def test_server_that_is_out_of_memory(open_server):
    client, settings = open_server
    client.config_set("maxmemory", 1)
    assert "maxmemory" in failure(settings, "SET", "key", "value")


def test_server_that_cannot_save(open_server):
    client, settings = open_server
    os.mkdir(os.path.join(client.config_get("dir")["dir"], "dump.rdb"))
    client.config_set("save", "900 1")
    try:
        client.set("key", "value")
        client.bgsave()
        deadline = time.monotonic() + 120
        while client.info("persistence")["rdb_last_bgsave_status"] == "ok" and time.monotonic() < deadline:
            time.sleep(0.02)
        text = failure(settings, "SET", "key", "value")
    finally:
        client.config_set("save", "")
    assert "cannot save" in text


def test_server_without_a_free_connection(open_server):
    client, settings = open_server
    client.config_set("maxclients", 1)
    text = failure(settings)
    client.config_set("maxclients", 100)
    assert "maxclients" in text


def test_server_that_does_not_answer(open_server):
    client, settings = open_server
    slow = ConnectionSettings(socket=settings.socket, command_timeout=0.2)
    pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "did not answer within 0.2 s" in failure(slow)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_tls(certificate):
    with tls_server(certificate, "--tls-auth-clients", "no") as (client, port):
        client.set("key", "value")
        trusted = ConnectionSettings(host="127.0.0.1", port=port, tls=True, tls_ca=certificate.cert, origin="redis_url")
        assert connect(trusted).get("key") == b"value"
        unchecked = ConnectionSettings(host="127.0.0.1", port=port, tls=True, tls_verify=False)
        assert connect(unchecked).get("key") == b"value"
        unknown = failure(ConnectionSettings(host="127.0.0.1", port=port, tls=True))
        assert "cannot be trusted" in unknown
        assert "redis_tls_ca" in unknown
        other_name = failure(ConnectionSettings(host="localhost", port=port, tls=True, tls_ca=certificate.cert))
        assert "cannot be trusted" in other_name
        assert "redis_tls" in failure(ConnectionSettings(host="127.0.0.1", port=port))


def test_tls_with_a_certificate_of_the_client(certificate):
    with tls_server(certificate) as (_client, port):
        ours = {"tls_cert": certificate.cert, "tls_key": certificate.key}
        settings = {"host": "127.0.0.1", "port": port, "tls": True, "tls_ca": certificate.cert}
        assert connect(ConnectionSettings(**settings, **ours)).ping()
        assert "redis_tls_cert" in failure(ConnectionSettings(**settings))


def test_tls_where_there_is_none():
    port = free_port()
    with redis_server("--port", str(port)):
        text = failure(ConnectionSettings(host="127.0.0.1", port=port, tls=True, tls_verify=False, command_timeout=0.5))
    assert "if nothing speaks TLS there" in text


@pytest.fixture
def watched(tmp_path):
    """A master with a password, and a Sentinel with another."""
    port = free_port()
    with redis_server("--port", str(port)) as (client, _path):
        client.set("key", "value")
        client.config_set("requirepass", "pw")
        with sentinel(tmp_path, port, "sentinel auth-pass mymaster pw", "requirepass spw") as sentinel_port:
            yield port, sentinel_port


def test_sentinel_names_the_master(watched):
    _port, sentinel_port = watched
    dead = ("127.0.0.1", free_port())
    settings = ConnectionSettings(
        sentinels=(dead, ("127.0.0.1", sentinel_port)),
        sentinel_service="mymaster",
        sentinel_password="spw",
        password="pw",
    )
    assert connect(settings).get("key") == b"value"


def test_sentinel_that_does_not_know_or_does_not_let_in(watched):
    port, sentinel_port = watched
    sentinels = (("127.0.0.1", sentinel_port),)
    unknown = failure(ConnectionSettings(sentinels=sentinels, sentinel_service="toot", sentinel_password="spw"))
    assert "knows no master of this name" in unknown
    assert "redis_sentinel_service" in unknown
    refused = failure(ConnectionSettings(sentinels=sentinels, sentinel_service="mymaster", sentinel_password="no"))
    assert "refuses the password" in refused
    assert "redis_sentinel_password" in refused
    master = failure(
        ConnectionSettings(sentinels=sentinels, sentinel_service="mymaster", sentinel_password="spw", password="no")
    )
    assert f"127.0.0.1:{port}" in master
    assert "refuses the password" in master


def test_sentinel_without_a_password_takes_that_of_redis(tmp_path):
    """Mastodon sends REDIS_PASSWORD to a Sentinel that has none."""
    port = free_port()
    with redis_server("--port", str(port)), sentinel(tmp_path, port) as sentinel_port:
        settings = ConnectionSettings(
            sentinels=(("127.0.0.1", sentinel_port),),
            sentinel_service="mymaster",
            sentinel_password="pw",
            password="pw",
        )
        assert connect(settings).ping()
