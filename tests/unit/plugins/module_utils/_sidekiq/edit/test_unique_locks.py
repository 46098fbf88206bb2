# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of a lock. Which locks there are, and whose, is tested against a real Redis."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit.unique_locks import Lock


@pytest.mark.parametrize(
    ("holders", "locked_at"),
    [({"a": 5.0}, 5.0), ({"a": 5.0, "b": 3.0, "c": None}, 3.0), ({"a": None}, None), ({}, None)],
)
def test_a_lock_is_as_old_as_its_oldest_holder(holders, locked_at):
    assert Lock("uniquejobs:1", holders, runtime=False, outlives=False).locked_at == locked_at
