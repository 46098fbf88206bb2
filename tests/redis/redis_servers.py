# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers for tests of the connection: TLS with a certificate of our own, and a Sentinel."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.fediverse.mastodon.tests.instance import server

_START_TIMEOUT = 120.0


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A certificate that is its own authority, valid for 127.0.0.1 alone."""

    cert: str
    key: str


@contextlib.contextmanager
def redis_server(*options: str, binary: str | None = "redis-server") -> Iterator[tuple[redis.Redis, pathlib.Path]]:
    """A private server without a TCP port: a client of it that needs no login yet, and the path of its socket."""
    with server.running(*options, binary=binary) as running, contextlib.closing(running.client()) as client:
        yield client, running.socket


@contextlib.contextmanager
def tls_server(certificate: Certificate, *options: str) -> Iterator[tuple[redis.Redis, int]]:
    """A private server with a TLS port on 127.0.0.1: a client by its socket, and the port."""
    port = free_port()
    files = [
        "--tls-cert-file",
        certificate.cert,
        "--tls-key-file",
        certificate.key,
        "--tls-ca-cert-file",
        certificate.cert,
    ]
    with redis_server("--tls-port", str(port), *files, *options) as (client, _socket):
        yield client, port


@contextlib.contextmanager
def sentinel(directory: pathlib.Path, master_port: int, *lines: str) -> Iterator[int]:
    """A Sentinel that watches the master `mymaster` on 127.0.0.1; its port. `lines` go into its configuration."""
    port = free_port()
    configuration = directory / f"sentinel-{port}.conf"
    watch = f"sentinel monitor mymaster 127.0.0.1 {master_port} 1"
    own = [f"port {port}", "bind 127.0.0.1", f"dir {directory}", watch]
    configuration.write_text("\n".join([*own, *lines, ""]))
    program = shutil.which("redis-server")
    if program is None:
        raise server.ServerFailed("redis-server: no such program")
    with open(directory / f"sentinel-{port}.log", "wb") as log:
        process = subprocess.Popen([program, str(configuration), "--sentinel"], stdout=log, stderr=log)
    try:
        _wait_for_port(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(_START_TIMEOUT)


def make_certificate(directory: pathlib.Path) -> Certificate:
    """Write a key and a certificate that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis of a test")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    files = Certificate(str(directory / "cert.pem"), str(directory / "key.pem"))
    pathlib.Path(files.cert).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pathlib.Path(files.key).write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise server.ServerFailed(f"nothing answers on port {port}") from None
            time.sleep(0.02)
