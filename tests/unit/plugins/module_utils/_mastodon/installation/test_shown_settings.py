# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is shown."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.shown_settings import (
    HARMLESS,
    shown,
)


@pytest.mark.parametrize("name", ["DB_PASS", "REDIS_URL", "DATABASE_URL", "SECRET_KEY_BASE", "S3_ALIAS_HOST", "NEW"])
def test_what_is_not_known_to_be_harmless_is_a_secret(name):
    assert shown(name, "x") is None


def test_what_the_command_line_shows_anyway():
    assert shown("DB_POOL", "25") == "25"
    assert shown("THREADS", "5", {"THREADS"}) == "5"
    assert not [name for name in HARMLESS if any(word in name for word in ("PASS", "SECRET", "KEY", "TOKEN", "URL"))]
