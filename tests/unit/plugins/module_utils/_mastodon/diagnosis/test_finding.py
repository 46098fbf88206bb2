# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of findings."""

from __future__ import annotations

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.finding import (
    SEVERITIES,
    Finding,
    worst_first,
)


def finding(severity, name):
    return Finding(name, severity, "subject", "summary", "fix")


def test_worst_first_and_else_as_found():
    found = [
        finding("notice", "a"),
        finding("critical", "b"),
        finding("warning", "c"),
        finding("critical", "d"),
        finding("notice", "e"),
    ]
    assert [entry.id for entry in worst_first(found)] == ["b", "d", "c", "a", "e"]


def test_severities_from_worst_to_mildest():
    assert SEVERITIES == ("critical", "warning", "notice")
