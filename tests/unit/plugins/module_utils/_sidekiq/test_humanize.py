# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations and sizes for a person."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.humanize import duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (89, "89 s"),
        (119, "119 s"),
        (120, "2 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
        (129600, "1.5 d"),
        (864000, "10.0 d"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (700 * 1024, "700 KiB"),
        (500 * 1024**2, "500 MiB"),
        (1024**3, "1.0 GiB"),
        (1.25 * 1024**3, "1.2 GiB"),
        (3 * 1024**4, "3.0 TiB"),
        (5000 * 1024**4, "5000.0 TiB"),
    ],
)
def test_size(count, text):
    assert size(count) == text
