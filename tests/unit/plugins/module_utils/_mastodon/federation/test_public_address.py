# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address is public, or one of a kind that no remote server has."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation.public_address import kind_of


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "100.128.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255", "2606:4700::1", "2002:101:101::1"],
)
def test_public(address):
    assert kind_of(address) is None


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0.0.0.0", "unspecified"),
        ("10.255.255.255", "private"),
        ("100.64.0.1", "a provider's own (CGNAT)"),
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fd00::1", "private"),
        ("fe80::1%eth0", "link-local"),
        ("ff02::1", "multicast"),
        ("2001:db8::1", "for documentation"),
        ("4000::1", "reserved"),
        ("social.example", "no address"),
        ("", "no address"),
    ],
)
def test_not_public(address, kind):
    assert kind_of(address) == kind


@pytest.mark.parametrize("outer", ["::ffff:{}", "64:ff9b::{}"])
def test_an_address_within_another_decides(outer):
    assert kind_of(outer.format("10.0.0.1")) == "private"
    assert kind_of(outer.format("1.1.1.1")) is None


def test_6to4_holds_its_address_behind_the_prefix():
    assert kind_of("2002:7f00:1::1") == "loopback"
