# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host and PostgreSQL have room for."""

from __future__ import annotations

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation import limits
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.variables import Variables


def test_memory(tmp_path):
    (tmp_path / "meminfo").write_text(
        "MemTotal:       8136324 kB\nMemFree: 12 kB\nMemAvailable:   3098496 kB\nHugePages_Total: 0\n"
    )
    assert limits.read_memory(tmp_path) == limits.Memory(8136324 * 1024, 3098496 * 1024)
    assert limits.read_memory(tmp_path / "nowhere") == limits.Memory(None, None)


def test_a_database_that_nobody_can_ask_is_unknown_with_the_reason():
    found = limits.read_connections("/nowhere", Variables({"DB_HOST": "/nowhere", "DB_PASS": "s3cret"}), None)
    assert (found.max_connections, found.in_use) == (None, None)
    assert found.problem and "s3cret" not in found.problem
    assert limits.read_connections("/nowhere", None, "There is no Mastodon.").problem == "There is no Mastodon."


def test_a_url_that_is_none():
    assert "DATABASE_URL" in limits.read_connections("/", Variables({"DATABASE_URL": "x://"}), None).problem
