# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bridge for each checkout, and a network namespace for each host: two checkouts may run hosts at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Network:
    """A bridge of this machine; its hosts have addresses in one /24 below 10.77.0.0/16 and reach no other network."""

    tag: str
    third: int

    @property
    def bridge(self) -> str:
        return f"lab{self.tag}"

    def address(self, number: int) -> str:
        """That of the host of this number; the bridge itself is number 1."""
        return f"10.77.{self.third}.{number}"

    def namespace(self, number: int) -> str:
        return f"lab{self.tag}-{number}"

    def veth(self, number: int) -> str:
        return f"v{self.tag}-{number}"


def of_checkout(checkout: Path) -> Network:
    """The network of a checkout, with a third number that no other bridge of this machine has."""
    digest = hashlib.sha256(str(checkout).encode()).digest()
    tag = digest[:3].hex()
    taken = {}
    for link in json.loads(_ip("-json", "-4", "addr", "show")):
        for info in link["addr_info"]:
            if info["local"].startswith("10.77."):
                taken[int(info["local"].split(".")[2])] = link["ifname"]
    free = [(digest[3] + step) % 256 for step in range(256)]
    ours = [third for third, name in taken.items() if name == f"lab{tag}"]
    return Network(tag, (ours or [third for third in free if third not in taken])[0])


def connect(network: Network, number: int) -> None:
    """Make a namespace with one interface, host0, on the bridge."""
    disconnect(network, number)
    if not Path("/sys/class/net", network.bridge).exists():
        _ip("link", "add", network.bridge, "type", "bridge")
        _ip("addr", "add", f"{network.address(1)}/24", "dev", network.bridge)
        _ip("link", "set", network.bridge, "up")
    name, veth = network.namespace(number), network.veth(number)
    _ip("netns", "add", name)
    _ip("link", "add", veth, "type", "veth", "peer", "name", "host0", "netns", name)
    _ip("link", "set", veth, "master", network.bridge, "up")
    _ip("-n", name, "link", "set", "lo", "up")
    _ip("-n", name, "addr", "add", f"{network.address(number)}/24", "dev", "host0")
    _ip("-n", name, "link", "set", "host0", "up")


def disconnect(network: Network, number: int) -> None:
    """Take it away, if it is there, and the bridge with the last one."""
    if Path("/run/netns", network.namespace(number)).exists():
        _ip("netns", "del", network.namespace(number))
    with contextlib.suppress(OSError):  # it goes with the namespace, but not at once
        _ip("link", "del", network.veth(number))
    ports = Path("/sys/class/net", network.bridge, "brif")
    if ports.exists() and not any(ports.iterdir()):
        _ip("link", "del", network.bridge)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
