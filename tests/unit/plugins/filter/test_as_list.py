# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.filter.as_list import as_list


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ([], []),
        ("", []),
        ("a", ["a"]),
        ("gone.example, dead.example,", ["gone.example", "dead.example"]),
        (["a, b"], ["a, b"]),
        ([{"domains": ["a"]}], [{"domains": ["a"]}]),
    ],
    ids=repr,
)
def test_as_list(given, meant):
    assert as_list(given) == meant
