# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bitmaps as Redis keeps them."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.bitmap import (
    all_bits,
    bitmap_of,
    count_bits,
    difference,
    has_bit,
    intersection,
)


@pytest.mark.parametrize(
    ("numbers", "bits"), [([], b""), ([0], b"\x80"), ([7], b"\x01"), ([9, 0], b"\x80\x40"), ([16], b"\0\0\x80")]
)
def test_the_first_bit_is_the_most_significant(numbers, bits):
    assert bitmap_of(numbers) == bits
    assert [number for number in range(40) if has_bit(bits, number)] == sorted(numbers)
    assert count_bits(bits) == len(numbers)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 19])
def test_all_bits(count):
    assert all_bits(count) == bitmap_of(range(count))


def test_bitmaps_of_different_lengths():
    long, short = bitmap_of([1, 2, 30]), bitmap_of([2, 3])
    assert intersection(long, short) == bitmap_of([2])
    assert difference(long, short) == bitmap_of([1, 30])
    assert difference(short, long) == bitmap_of([3])
