# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Bitmaps as Redis keeps them: bit 0 is the most significant bit of the first byte (SETBIT)."""

from __future__ import annotations

import typing as t


def bitmap_of(numbers: t.Iterable[int]) -> bytes:
    """A bitmap in which these bits are set."""
    bits = bytearray()
    for number in numbers:
        bits.extend(bytes(max(0, (number >> 3) + 1 - len(bits))))
        bits[number >> 3] |= 0x80 >> (number & 7)
    return bytes(bits)


def all_bits(count: int) -> bytes:
    """A bitmap in which the first `count` bits are set."""
    full, rest = divmod(count, 8)
    return b"\xff" * full + (bytes([0xFF00 >> rest & 0xFF]) if rest else b"")


def has_bit(bits: bytes, number: int) -> bool:
    """Whether this bit is set; bits after the end are not."""
    return number >> 3 < len(bits) and bool(bits[number >> 3] & (0x80 >> (number & 7)))


def count_bits(bits: bytes) -> int:
    """How many bits are set."""
    return sum(bin(byte).count("1") for byte in bits)


def intersection(first: bytes, second: bytes) -> bytes:
    """The bits that are set in both."""
    return bytes(left & right for left, right in zip(first, second))


def difference(first: bytes, second: bytes) -> bytes:
    """The bits of the first that the second does not have. Redis cuts a bitmap after its last byte that was set."""
    return bytes(left & ~right for left, right in zip(first, second.ljust(len(first), b"\0")))
