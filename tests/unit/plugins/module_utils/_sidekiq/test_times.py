# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of every Sidekiq, whatever their unit and type."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.times import epoch, iso, number, ruby_time

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@pytest.mark.parametrize(
    ("stored", "seconds"),
    [
        (1795331156.428, 1795331156.428),  # 6.4 to 7.x
        (1795331156428, 1795331156.428),  # 8.0
        (1795331156, 1795331156.0),  # integer seconds of other producers
        (1795331156428.0, 1795331156.428),
        (0, 0.0),
        (-5, -5.0),
        (100_000_000_000, 100_000_000_000.0),  # the border: still seconds
        (100_000_000_001, 100_000_000.001),
        (-100_000_000_001, -100_000_000.001),
    ],
)
def test_epoch(stored, seconds):
    assert epoch(stored) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "stored",
    [None, True, False, "1795331156", b"1", [], {}, [1], math.nan, math.inf, -math.inf, 10**400, -(10**400)],
    ids=lambda stored: repr(stored)[:20],
)
def test_no_epoch(stored):
    assert epoch(stored) is None


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        (b"42", 42.0),
        (b" 42.5\n", 42.5),
        ("1795331156.428", 1795331156.428),
        ("-1e3", -1000.0),
        (7, 7.0),
        (b"", None),
        (b"inf", None),
        (b"-inf", None),
        (b"nan", None),
        ("NaN", None),
        (b"1e999", None),
        ("9" * 5000, None),
        (10**400, None),
        (b"\xff\xfe", None),
        (b"1\x00", None),
        (None, None),
        ([1], None),
        ({}, None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_number(stored, found):
    assert number(stored) == found


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1795331156.999, "2026-11-22T07:05:56Z"),
        (-1.0, "1969-12-31T23:59:59Z"),
        (253402300799, "9999-12-31T23:59:59Z"),
        (253402300800, None),
        (1e300, None),
        (-1e300, None),
        (math.nan, None),
        (math.inf, None),
        (None, None),
    ],
)
def test_iso(seconds, text):
    assert iso(seconds) == text


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        (b"2026-11-22 07:05:56 +0000", 1795331156.0),
        ("2026-11-22 07:05:56 UTC", 1795331156.0),
        (b" 2026-11-22 08:05:56 +0100 ", 1795331156.0),
        ("2026-11-22 01:35:56 -0530", 1795331156.0),
        ("2026-11-22T07:05:56Z", None),
        ("2026-11-22 07:05:56", None),
        ("2026-13-22 07:05:56 +0000", None),
        ("2026-11-22 07:05:61 +0000", None),
        ("2026-11-22 07:05:56 +9999", None),
        ("", None),
        (b"\xff\xfe", None),
        (b"\x00", None),
        ("2" * 1000, None),
        (1795331156, None),
        (None, None),
        ([], None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_ruby_time(raw, seconds):
    assert ruby_time(raw) == seconds


@given(ANY_JSON | st.binary())
def test_anything_is_a_finite_number_or_none(value):
    for read in (epoch, number, ruby_time):
        found = read(value)
        assert found is None or (isinstance(found, float) and math.isfinite(found))
        assert (iso(found) or "Z").endswith("Z")
