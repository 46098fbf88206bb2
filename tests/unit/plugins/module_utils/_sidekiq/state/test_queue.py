# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lists are nobody else's business. What needs a Redis is judged by the recorded vectors."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.queue import is_private


@pytest.mark.parametrize(
    ("name", "private"),
    [
        (b"sq|host:1:abc", True),  # super_fetch of Sidekiq Pro
        (b"working:host:1", True),  # reliable fetchers
        (b"push", False),
        (b"sq", False),
        (b"working", False),
        (b"default:working:1", False),
    ],
)
def test_private(name, private):
    assert is_private(name) is private
