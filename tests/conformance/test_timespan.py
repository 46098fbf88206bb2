# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time spans, judged by systemd itself."""

from __future__ import annotations

import re
import subprocess

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.timespan import (
    parse_timespan,
)


@pytest.mark.parametrize(
    "span",
    [
        "15",
        "15s",
        "1min 30s",
        "2min",
        "1h",
        "500ms",
        "250us",
        "0",
        "1d 2h",
        "1w",
        "2weeks",
        "1month",
        "1M",
        "1m",
        "1y",
        "1.5h",
        "2 hours",
    ],
)
def test_systemd_reads_the_same(span):
    said = subprocess.run(["systemd-analyze", "timespan", span], check=True, capture_output=True, text=True).stdout
    assert parse_timespan(span) == pytest.approx(int(re.search(r"^\s*.s: (\d+)$", said, re.MULTILINE)[1]) / 1e6)


@pytest.mark.parametrize("span", ["soon", "1 fortnight", "5s later", "1h,30min"])
def test_systemd_refuses_the_same(span):
    assert subprocess.run(["systemd-analyze", "timespan", span], capture_output=True, check=False).returncode != 0
    assert parse_timespan(span) is None
