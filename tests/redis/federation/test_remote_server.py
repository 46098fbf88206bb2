# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""remote_server_info as Ansible runs it, against servers on this machine: a sound one, and each way to be broken."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time

import pytest

from ansible_collections.fediverse.mastodon.tests.redis import modules

LINKS = {
    "links": [{"rel": "http://nodeinfo.diaspora.software/ns/schema/2.0", "href": "https://localhost:{port}/n/2.0"}]
}
SOFTWARE = {"version": "2.0", "software": {"name": "mastodon", "version": "4.6.5"}}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost with its key in one file; it is its own authority."""
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "30"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@contextlib.contextmanager
def listening(serve):
    """A server on a free port of 127.0.0.1: `serve` is called with each connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones = []

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection = listener.accept()[0]
                open_ones.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for one in [listener, *open_ones]:
            with contextlib.suppress(OSError):
                one.close()


def https(certificate, answers):
    """Serves an answer (status, text) for each path; `{port}` in a text is the port."""

    def serve(connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with contextlib.suppress(OSError, IndexError):  # we may leave before we ask
            port = connection.getsockname()[1]
            with context.wrap_socket(connection, server_side=True) as secured:
                path = secured.recv(4096).split(b" ")[1].decode()
                status, text = answers.get(path, (404, ""))
                body = text.replace("{port}", str(port)).encode()
                head = f"HTTP/1.1 {status} Some\r\nContent-Length: {len(body)}\r\nLocation: https://elsewhere/\r\n\r\n"
                secured.sendall(head.encode() + body)

    return serve


def answers(**changed):
    usual = {"/.well-known/nodeinfo": (200, json.dumps(LINKS)), "/n/2.0": (200, json.dumps(SOFTWARE))}
    return {**usual, **changed}


def ask(port, certificate=None, timeout=2.0, domain="localhost"):
    options = {"allow_private": True, **({"ca_path": str(certificate)} if certificate else {})}
    [server] = modules.run("remote_server_info", domains=[domain], port=port, timeout=timeout, **options)["servers"]
    return server


def test_a_sound_server(certificate):
    with listening(https(certificate, answers())) as port:
        server = ask(port, certificate)
    assert server["ok"] and server["failed_at"] is None and server["reason"] is None
    assert (server["software"], server["version"], server["http_status"]) == ("mastodon", "4.6.5", 200)
    assert server["address"] == "127.0.0.1"
    assert "127.0.0.1" in server["addresses"]
    assert server["tls_version"].startswith("TLSv1.")
    assert 29 < server["certificate_days"] <= 30
    assert all(0 <= seconds < 20 for seconds in server["seconds"].values())


def test_a_name_that_there_is_not():
    server = ask(443, domain="no-such-server.invalid")
    assert (server["ok"], server["failed_at"]) == (False, "dns")
    assert server["reason"].startswith("its name cannot be looked up") and server["seconds"]["tcp"] is None


def test_nobody_listens():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = ask(bound.getsockname()[1])
    assert server["failed_at"] == "tcp" and "Connection refused" in server["reason"]


def test_a_server_that_takes_the_connection_and_never_answers():
    with listening(lambda connection: None) as port:
        server = ask(port, timeout=0.5)
    assert server["failed_at"] == "tls" and server["reason"] == "no answer in time"
    assert server["address"] == "127.0.0.1"


def test_an_answer_that_comes_byte_by_byte_for_ever():
    def drip(connection):
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"\x16")
                time.sleep(0.1)

    with listening(drip) as port:
        server = ask(port, timeout=0.5)
    assert server["failed_at"] == "tls" and not server["ok"]


def test_a_certificate_that_nobody_trusts(certificate):
    with listening(https(certificate, answers())) as port:
        server = ask(port)
    assert server["failed_at"] == "tls" and server["reason"].startswith("its certificate is not valid: self")


def test_a_certificate_for_another_name(certificate):
    with listening(https(certificate, answers())) as port:
        server = ask(port, certificate, domain="127.0.0.1")
    assert server["failed_at"] == "tls" and "its certificate is not valid" in server["reason"]


@pytest.mark.parametrize(
    ("path", "answer", "failed_at", "reason"),
    [
        ("/.well-known/nodeinfo", (502, ""), "http", "answers with 502"),
        ("/.well-known/nodeinfo", (301, ""), "http", "answers with 301"),
        ("/.well-known/nodeinfo", (200, "<html>"), "http", "is no JSON"),
        ("/.well-known/nodeinfo", (200, "[1]"), "nodeinfo", "names no document"),
        (
            "/.well-known/nodeinfo",
            (200, '{"links": [{"href": "https://127.0.0.2/secret"}, {"href": 7}, 8]}'),
            "nodeinfo",
            "names no document on this server",
        ),
        ("/n/2.0", (410, ""), "nodeinfo", "/n/2.0 answers with 410"),
        ("/n/2.0", (200, '{"software": "?"}'), "nodeinfo", "names no software"),
    ],
)
def test_a_wrong_answer(certificate, path, answer, failed_at, reason):
    with listening(https(certificate, answers(**{path: answer}))) as port:
        server = ask(port, certificate)
    assert (server["ok"], server["failed_at"]) == (False, failed_at)
    assert reason in server["reason"]


def test_what_a_stranger_says_is_cut_and_printable(certificate):
    software = {"software": {"name": "\x1b[2J" + "a" * 5000, "version": None}}
    with listening(https(certificate, answers(**{"/n/2.0": (200, json.dumps(software))}))) as port:
        server = ask(port, certificate)
    assert len(server["software"]) == 100 and server["software"].startswith("?[2Ja") and server["version"] is None


def test_more_than_are_asked_at_once():
    with listening(lambda connection: connection.close()) as port:
        domains = [f"127.0.0.{number}" for number in range(1, 61)]
        servers = modules.run("remote_server_info", domains=domains, port=port, timeout=3.0, allow_private=True)
    assert [server["domain"] for server in servers["servers"]] == domains
    assert {server["failed_at"] for server in servers["servers"][:1]} == {"tls"}


def test_many_are_asked_at_once():
    """No connection is closed before the last one is open."""
    domains = ["localhost", "127.0.0.1"]
    together = threading.Barrier(len(domains))
    met = []

    def serve(connection):
        with contextlib.suppress(threading.BrokenBarrierError):
            met.append(together.wait(120))
        connection.close()

    with listening(serve) as port:
        servers = modules.run("remote_server_info", domains=domains, port=port, timeout=60.0, allow_private=True)
        servers = servers["servers"]
    assert [server["domain"] for server in servers] == domains
    assert sorted(met) == [0, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domains": ["*.example"]}, "is no name of a server"),
        ({"domains": ["user:pw@a.example"]}, "is an account, not a server"),
        ({"domains": ["::1"]}, "is no name of a server"),
        ({"domains": ["a" * 10_000]}, "aaa..."),
        ({"domains": ["a" * 64 + ".example"]}, "is no name of a server"),
        ({"domains": ["a\x1b[2J\u202e.example"]}, "is no pattern for servers"),
        ({"domains": ["a"], "timeout": 0}, "timeout must be"),
        ({"domains": ["a"], "port": 70000}, "70000 is no port"),
        ({"domains": ["localhost"], "ca_path": "/no/such"}, "ca_path: /no/such cannot be read"),
        ({"domains": ["localhost"], "ca_path": "/dev/null"}, "ca_path: /dev/null holds no certificates"),
        ({"domains": ["localhost"], "ca_path": "/"}, "ca_path: / "),
    ],
)
def test_bad_options(options, message):
    result = modules.run("remote_server_info", **options)
    assert result["failed"] and message in result["msg"]
