# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of keys, with and without a namespace."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys


@pytest.mark.parametrize(
    ("prefix", "parts", "key"),
    [
        ("", ("retry",), b"retry"),
        ("mastodon:", ("retry",), b"mastodon:retry"),
        ("mastodon:", ("queue:", b"\xff\xfe"), b"mastodon:queue:\xff\xfe"),
        ("ü:", (b"host:1:abc", ":work"), "ü:host:1:abc:work".encode()),
    ],
)
def test_keys(prefix, parts, key):
    assert Keys(prefix)(*parts) == key


def test_the_list_of_a_queue():
    assert Keys("mastodon:").queue("push") == Keys("mastodon:").queue(b"push") == b"mastodon:queue:push"
