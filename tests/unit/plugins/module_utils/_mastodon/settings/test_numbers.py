# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in settings."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.numbers import (
    first_number,
    whole_number,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (None, None),
        ("", None),
        ("25", 25),
        (25, 25),
        ("0", 0),
        (True, None),
        ("-1", None),
        ("2.5", None),
        ("\u00b2", None),
    ],
)
def test_whole_number(value, number):
    assert whole_number(value) == number


def test_first_number():
    assert first_number(None, "many", "\u00b2", "8", 5) == 8
    assert first_number(None, "many") is None
