# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which addresses are those of servers in the Internet.

A stranger chooses the names in jobs, and what they resolve to: the database of this host, the router, the service of the
cloud that hands out keys. The networks are listed here, as `ipaddress` judges them differently from one Python to the next.
"""

from __future__ import annotations

import ipaddress
import typing as t

_SPECIAL_IPV4: t.Final = {
    "0.0.0.0/8": "unspecified",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "a provider's own (CGNAT)",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.0.2.0/24": "for documentation",
    "192.88.99.0/24": "reserved",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "for benchmarks",
    "198.51.100.0/24": "for documentation",
    "203.0.113.0/24": "for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
}
"""https://www.iana.org/assignments/iana-ipv4-special-registry"""

_SPECIAL_IPV6: t.Final = {
    "::/128": "unspecified",
    "::1/128": "loopback",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
    "2001::/23": "reserved",
    "2001:db8::/32": "for documentation",
    "3fff::/20": "for documentation",
}
"""https://www.iana.org/assignments/iana-ipv6-special-registry. Unicast is 2000::/3; all else is none of the Internet's."""

_UNICAST: t.Final = ipaddress.IPv6Network("2000::/3")
_WITH_IPV4: t.Final = {"::ffff:0:0/96": 96, "64:ff9b::/96": 96, "2002::/16": 16}
"""Addresses with one of IPv4 inside, and the bit at which it begins: mapped, NAT64 (RFC 6052) and 6to4."""

_Networks = tuple[tuple[t.Any, str], ...]
_IPV4: t.Final[_Networks] = tuple((ipaddress.IPv4Network(net), kind) for net, kind in _SPECIAL_IPV4.items())
_IPV6: t.Final[_Networks] = tuple((ipaddress.IPv6Network(net), kind) for net, kind in _SPECIAL_IPV6.items())
_EMBEDDING: t.Final = tuple((ipaddress.IPv6Network(net), start) for net, start in _WITH_IPV4.items())


def kind_of(text: str) -> str | None:
    """What an address is if it is not public, such as `private`; null for a public one. With an address inside: what that is."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return "no address"
    if isinstance(address, ipaddress.IPv4Address):
        return _among(_IPV4, address)
    for network, start in _EMBEDDING:
        if address in network:
            inner = ipaddress.IPv4Address(int(address) >> (96 - start) & 0xFFFFFFFF)
            return _among(_IPV4, inner)
    return _among(_IPV6, address) or (None if address in _UNICAST else "reserved")


def _among(networks: _Networks, address: object) -> str | None:
    return next((kind for network, kind in networks if address in network), None)
