# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time spans of systemd."""

from __future__ import annotations

import math

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.timespan import (
    finite_timespan,
    parse_timespan,
)

SPANS = {
    "15": 15, "15s": 15, "1min 30s": 90, "2min": 120, "1h": 3600, "500ms": 0.5, "250us": 0.00025, "0": 0, "1d 2h": 93600,
    "1w": 604800, "2weeks": 1209600, "1month": 2629800, "1M": 2629800, "1m": 60, "1y": 31557600, "1.5h": 5400, "2 hours": 7200,
}  # fmt: skip


@pytest.mark.parametrize(("span", "seconds"), SPANS.items())
def test_spans_in_seconds(span, seconds):
    assert parse_timespan(span) == pytest.approx(seconds)
    assert finite_timespan(span) == pytest.approx(seconds)


def test_infinity_has_no_end():
    assert parse_timespan("infinity") == math.inf
    assert finite_timespan("infinity") is None


@pytest.mark.parametrize("span", ["", "soon", "1 fortnight", "-5s", "5s later", "1h,30min"])
def test_what_is_no_span(span):
    assert parse_timespan(span) is None
    assert finite_timespan(span) is None
