# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Asks a remote server the questions that a delivery asks: its name, a connection, a certificate, an answer.

Only the standard library. What the other side says is a stranger's text: it is cut, and freed of what is not printable.
So is the name: it is looked up once, and only public addresses of those that this gave are connected to, as numbers. What the
name leads to a moment later changes nothing.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
import typing as t
import urllib.parse
from dataclasses import dataclass, field

from ..._sidekiq.text import printable
from .public_address import kind_of

STEPS: t.Final = ("dns", "tcp", "tls", "http", "nodeinfo")
"""What is tried, in this order; a server of Mastodon's network gets through all of them."""

AT_ONCE: t.Final = 50
"""How many servers are asked at the same time."""

_LARGEST = 64 * 1024
_LONGEST = 100


@dataclass
class Probe:
    """What is known so far of a server. `failed_at`: the step that did not work, null if all did; `reason` says why."""

    domain: str
    failed_at: str | None = None
    reason: str | None = None
    addresses: list[str] = field(default_factory=list)
    address: str | None = None
    tls_version: str | None = None
    certificate_days: float | None = None
    http_status: int | None = None
    software: str | None = None
    version: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """How to ask. `timeout`: seconds for each step and each address; `trust`: whose certificates are valid; `allow_private`:
    connect to addresses that are not public as well."""

    port: int = 443
    timeout: float = 5.0
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    allow_private: bool = False


def probe_all(domains: t.Sequence[str], way: Way) -> list[Probe]:
    """All servers, so many at the same time. These take at most as long as all steps of one of them may."""
    return [
        probe for first in range(0, len(domains), AT_ONCE) for probe in _probe(domains[first : first + AT_ONCE], way)
    ]


def _probe(domains: t.Sequence[str], way: Way) -> list[Probe]:
    probes = [Probe(domain) for domain in domains]
    deadline = time.monotonic() + way.timeout * len(STEPS)
    # Nothing ends a name server's silence, or an answer that comes byte by byte, but to stop waiting for it.
    threads = [threading.Thread(target=_ask, args=(probe, way), daemon=True) for probe in probes]
    for thread in threads:
        thread.start()
    found = []
    for probe, thread in zip(probes, threads):
        thread.join(max(0.0, deadline - time.monotonic()))
        found.append(_unfinished(probe) if thread.is_alive() else probe)
    return found


def _unfinished(probe: Probe) -> Probe:
    """A copy, for the thread goes on to write into the original."""
    known = dict(vars(probe))
    step = next((step for step in STEPS if step not in probe.seconds), STEPS[-1])
    known.update(addresses=list(probe.addresses), seconds=dict(probe.seconds), failed_at=step, reason="no end in time")
    return Probe(**known)


class _No(Exception):
    """A step that did not work, for this reason."""


def _ask(probe: Probe, way: Way) -> None:
    step = "dns"
    connection: t.Any = None
    try:
        with _timed(probe, "dns"):
            probe.addresses = _addresses(probe.domain, way.port)
        step = "tcp"
        reachable = _permitted(probe.addresses, way)
        with _timed(probe, step):
            connection, probe.address = _connect(reachable, way)
        step = "tls"
        with _timed(probe, step):
            connection = _secured(connection, probe, way)
        step = "http"
        with _timed(probe, step):
            links = _get(connection, probe, "/.well-known/nodeinfo", way)
        step = "nodeinfo"
        with _timed(probe, step):
            connection.close()
            connection = _secured(_connect([probe.address], way)[0], probe, way)
            _understand(probe, _get(connection, probe, _path(links, probe.domain, way.port), way))
    except _No as no:
        probe.failed_at, probe.reason = step, str(no)
    except Exception as problem:  # pylint: disable=broad-exception-caught  # an answer can be wrong in any way
        probe.failed_at, probe.reason = step, _why(problem)
    finally:
        if connection is not None:
            connection.close()


class _timed:
    """Notes how long a step took, also one that failed."""

    def __init__(self, probe: Probe, step: str) -> None:
        self._probe, self._step, self._began = probe, step, time.monotonic()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_problem: object) -> None:
        self._probe.seconds[self._step] = round(time.monotonic() - self._began, 3)


def _addresses(domain: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(domain, port, type=socket.SOCK_STREAM)
    except socket.gaierror as problem:
        raise _No(f"its name cannot be looked up: {problem.strerror}") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _permitted(addresses: t.Sequence[str], way: Way) -> list[str]:
    """Those to which a connection may be made."""
    kinds = {address: None if way.allow_private else kind_of(address) for address in addresses}
    if addresses and all(kinds.values()):
        said = ", ".join(f"{address} ({kind})" for address, kind in kinds.items())
        raise _No(f"no connection was made to {said}: not a public address; allow_private permits it")
    return [address for address, kind in kinds.items() if kind is None]


def _connect(addresses: t.Sequence[str], way: Way) -> tuple[socket.socket, str]:
    """The first address that takes a connection; up to two are tried, as an address family may not work here."""
    reasons = []
    for address in _one_of_each_family(addresses):
        try:
            return socket.create_connection((address, way.port), way.timeout), address
        except OSError as problem:
            reasons.append(f"{address} port {way.port}: {_why(problem)}")
    raise _No("; ".join(reasons))


def _one_of_each_family(addresses: t.Sequence[str]) -> list[str]:
    return list({":" in address: address for address in reversed(addresses)}.values())[::-1]


def _secured(connection: socket.socket, probe: Probe, way: Way) -> ssl.SSLSocket:
    connection.settimeout(way.timeout)
    try:
        secured = way.trust.wrap_socket(connection, server_hostname=probe.domain)
    except BaseException:
        connection.close()
        raise
    probe.tls_version = secured.version()
    until = (secured.getpeercert() or {}).get("notAfter")
    if isinstance(until, str):
        probe.certificate_days = round((ssl.cert_time_to_seconds(until) - time.time()) / 86400, 1)
    return secured


def _get(connection: ssl.SSLSocket, probe: Probe, path: str, way: Way) -> t.Any:
    """The JSON there. A redirection is no answer: it is not followed, for it leads to where no delivery goes."""
    connection.settimeout(way.timeout)
    asked = http.client.HTTPSConnection(probe.domain, way.port, timeout=way.timeout)
    asked.sock = connection
    asked.request("GET", path, headers={"Accept": "application/json", "Connection": "close"})
    answer = asked.getresponse()
    probe.http_status = answer.status
    if answer.status != 200:
        raise _No(f"{path} answers with {answer.status}")
    try:
        return json.loads(answer.read(_LARGEST))
    except ValueError:
        raise _No(f"{path} is no JSON") from None


def _path(links: t.Any, domain: str, port: int) -> str:
    """The path of the newest nodeinfo document, if it is on the same server."""
    known = links.get("links") if isinstance(links, dict) else None
    hrefs = [link.get("href") for link in known or () if isinstance(link, dict)]
    for href in sorted((href for href in hrefs if isinstance(href, str)), reverse=True):
        parts = urllib.parse.urlsplit(href)
        same = parts.scheme == "https" and parts.hostname == domain.lower() and (parts.port or 443) == port
        if same and parts.path.startswith("/") and parts.path.isprintable() and " " not in parts.path:
            return parts.path
    raise _No("/.well-known/nodeinfo names no document on this server")


def _understand(probe: Probe, nodeinfo: t.Any) -> None:
    software = nodeinfo.get("software") if isinstance(nodeinfo, dict) else None
    if not isinstance(software, dict):
        raise _No("its nodeinfo names no software")
    probe.software, probe.version = _shown(software.get("name")), _shown(software.get("version"))


def _why(problem: BaseException) -> str:
    if isinstance(problem, (socket.timeout, TimeoutError)):
        return "no answer in time"
    if isinstance(problem, ssl.SSLCertVerificationError):
        return printable(f"its certificate is not valid: {problem.verify_message}", _LONGEST)
    if isinstance(problem, OSError) and problem.strerror:
        return printable(problem.strerror, _LONGEST)
    return printable(str(problem), _LONGEST) or type(problem).__name__


def _shown(value: t.Any) -> str | None:
    return printable(value[:_LONGEST]) if isinstance(value, str) else None
