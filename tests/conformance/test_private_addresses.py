# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""remote_server_info connects to no address that a stranger may not reach through us, whatever a name leads to.

Runs itself as a program in a network of its own that has nothing but `lo`, with all these addresses on it, a server that takes
every connection, and a name server that answers as a stranger's does.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import struct
import subprocess
import sys
import threading

import pytest

PORT = 8443
PUBLIC = "9.9.9.9"
FORBIDDEN = {
    "127.0.0.1": "loopback",
    "127.8.8.8": "loopback",
    "2130706433": "loopback",  # ways to write 127.0.0.1
    "0x7f.1": "loopback",
    "0.0.0.0": "unspecified",
    "10.1.2.3": "private",
    "172.31.0.1": "private",
    "192.168.1.1": "private",
    "169.254.169.254": "link-local",
    "100.64.0.1": "CGNAT",
    "224.0.0.251": "multicast",
    "255.255.255.255": "reserved",
}
NAMES = {
    "six.example": ["::1"],
    "unspecified.example": ["::"],
    "link.example": ["fe80::1"],
    "private.example": ["fd00::1"],
    "multicast.example": ["ff02::1"],
    "mapped.example": ["::ffff:10.1.2.3"],
    "compatible.example": ["::10.1.2.3"],
    "nat64.example": ["64:ff9b::a01:203"],
    "local-nat64.example": ["64:ff9b:1::a01:203"],
    "sixtofour.example": ["2002:a01:203::1"],
    "both.example": ["10.1.2.3", "fd00::1"],
}
ALLOWED = {
    "public.example": [PUBLIC],
    "mixed.example": ["10.1.2.3", PUBLIC],
    "translated.example": ["64:ff9b::909:909"],
}
REBINDING = "rebinding.example"
"""Leads to a public address the first time it is asked for, and to this host from then on."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What the module says of each name, with and without allow_private, and to which addresses it connected."""
    resolver = tmp_path_factory.mktemp("network") / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", encoding="utf-8")
    inside = f'mount --bind {resolver} /etc/resolv.conf && exec "$@"'
    command = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c", inside, "sh", sys.executable, __file__]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [*FORBIDDEN, *NAMES])
def test_no_connection_is_made(answers, name):
    server, connected = answers["usual"][name]
    assert connected == [] and server["failed_at"] == "tcp" and server["seconds"]["tcp"] is None
    assert server["reason"].startswith("no connection was made to") and "allow_private" in server["reason"]
    assert FORBIDDEN.get(name, "") in server["reason"] and server["addresses"]


@pytest.mark.parametrize("name", ALLOWED)
def test_a_public_address_is_asked(answers, name):
    server, connected = answers["usual"][name]
    assert set(connected) == {ALLOWED[name][-1]} and server["failed_at"] == "tls"


def test_what_a_name_leads_to_later_changes_nothing(answers):
    server, connected = answers["usual"][REBINDING]
    assert server["addresses"] == [PUBLIC] and set(connected) == {PUBLIC}
    assert answers["questions"][REBINDING] <= 2  # one for each family


def test_a_test_network_can_be_asked(answers):
    server, connected = answers["private"]["10.1.2.3"]
    assert connected == ["10.1.2.3"] and server["failed_at"] == "tls"


class _Names(socketserver.BaseRequestHandler):
    """A name server for these names and no others."""

    questions: dict[str, int] = {}

    def handle(self):
        data, answerer = self.request
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        name, kind = ".".join(labels).lower(), struct.unpack("!H", data[at + 1 : at + 3])[0]
        known = self.questions[name] = self.questions.get(name, 0) + 1
        addresses = {**NAMES, **ALLOWED}.get(name, [])
        if name == REBINDING:
            addresses = [PUBLIC] if known <= 2 else ["127.0.0.1", "::1"]
        families = {1: socket.AF_INET, 28: socket.AF_INET6}
        packed = [socket.inet_pton(families[kind], one) for one in addresses if kind == (28 if ":" in one else 1)]
        records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(one)) + one for one in packed)
        head = data[:2] + struct.pack("!HHHHH", 0x8180, 1, len(packed), 0, 0)
        answerer.sendto(head + data[12 : at + 5] + records, self.client_address)


def _main() -> None:
    from ansible_collections.fediverse.mastodon.tests.redis import modules  # only here is everything of its own

    for command in ("link set lo up", *(f"addr add {one} dev lo" for one in _addresses())):
        subprocess.run(["ip", *command.split()], check=True)
    names = socketserver.UDPServer(("127.0.0.1", 53), _Names)
    threading.Thread(target=names.serve_forever, daemon=True).start()
    connected: list[str] = []
    listener = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)

    def accept():
        while True:
            connection = listener.accept()[0]
            connected.append(connection.getsockname()[0].replace("::ffff:", ""))
            connection.close()

    threading.Thread(target=accept, daemon=True).start()

    def ask(name, **options):
        connected.clear()
        found = modules.run("remote_server_info", domains=[name], port=PORT, timeout=2.0, **options)["servers"][0]
        return found, list(connected)

    usual = {name: ask(name) for name in [*FORBIDDEN, *NAMES, *ALLOWED, REBINDING]}
    private = {name: ask(name, allow_private=True) for name in ("10.1.2.3",)}
    print(json.dumps({"usual": usual, "private": private, "questions": _Names.questions}))


def _addresses():
    all_of_them = [*FORBIDDEN, PUBLIC, *(one for found in {**NAMES, **ALLOWED}.values() for one in found)]
    for one in dict.fromkeys(all_of_them):
        if one.startswith(("127.", "0", "2130", "224.", "255.", "ff", "::")) or one == "::":
            continue  # on lo already, or none that a host can have
        yield f"{one}/{128 if ':' in one else 32}" + (" nodad" if ":" in one else "")


if __name__ == "__main__":
    _main()
