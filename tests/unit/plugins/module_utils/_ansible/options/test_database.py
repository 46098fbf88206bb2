# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of a module to Mastodon's database."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.options.database import find_database
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


@pytest.fixture
def options(tmp_path):
    """The options of a task on a host where Mastodon's settings cannot be read."""
    (tmp_path / ".env.production").mkdir()
    return {
        "mastodon_root": str(tmp_path),
        "systemd_unit": "mastodon-sidekiq.service",
        "database_url": None,
        "database_timeout": 1.0,
    }


def test_a_database_that_is_not_wanted_needs_no_settings(options):
    found = find_database({**options, "database": "never"})
    assert (found.database, found.reason) == (None, "database is never")


def test_settings_that_cannot_be_read_are_the_reason_unless_the_database_is_required(options):
    found = find_database({**options, "database": "auto"})
    assert found.database is None and f"{options['mastodon_root']}/.env.production" in found.reason
    with pytest.raises(BadOption, match=r"\.env\.production"):
        find_database(options)
