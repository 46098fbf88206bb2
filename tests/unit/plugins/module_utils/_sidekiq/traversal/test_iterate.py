# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is read at once; the walk itself needs a Redis (tests/redis/traversal/test_walk.py)."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.iterate import Page


def test_pages_of_small_members_grow_to_the_most():
    page = Page(1000)
    sizes = []
    for _number in range(6):
        sizes.append(page.size)
        page.learn(page.size, page.size * 440, 9000)
    assert sizes == [4, 16, 64, 256, 1000, 1000]
    assert page.margin == 100


@pytest.mark.parametrize(
    ("bytes_each", "size", "margin"), [(1000, 1000, 100), (10_000, 100, 25), (300_000, 3, 1), (40_000_000, 1, 1)]
)
def test_pages_of_large_members_are_small(bytes_each, size, margin):
    page = Page(1000)
    for _number in range(6):
        page.learn(page.size, page.size * bytes_each, bytes_each)
    assert (page.size, page.margin) == (size, margin)


@pytest.mark.parametrize("most", [1, 2, 4])
def test_no_page_is_larger_than_asked_for(most):
    page = Page(most)
    for size in (0, 10):
        page.learn(most, size, size)
        assert page.size == most


def test_one_large_member_among_small_ones_makes_pages_small():
    page = Page(1000)
    page.learn(1000, 1_400_000, 1_000_000)
    assert (page.size, page.margin) == (1, 1)
    set_page = Page(1000, least=2)
    set_page.learn(1000, 1_400_000, 1_000_000)
    assert set_page.size == 2
