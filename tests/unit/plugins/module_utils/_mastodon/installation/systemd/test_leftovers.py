# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop-ins of roles that were interrupted."""

from __future__ import annotations

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.leftovers import (
    ROLES,
    Leftover,
    read_leftovers,
)


def test_what_the_roles_left(tmp_path):
    for unit in ("mastodon-sidekiq.service", "mastodon-sidekiq@push.service"):
        folder = tmp_path / f"{unit}.d"
        folder.mkdir()
        for name in (*ROLES, "override.conf"):
            (folder / name).touch()
    (tmp_path / "other.service").touch()
    (tmp_path / "file.service.d").touch()
    found = read_leftovers(str(tmp_path))
    assert len(found) == 6 and {one.role for one in found} == {"restart", "workers", "federation_rescue"}
    path = str(tmp_path / "mastodon-sidekiq.service.d/zzz-restart-stop.conf")
    assert Leftover(path, "mastodon-sidekiq.service", "restart") in found


def test_a_host_without_systemd(tmp_path):
    assert read_leftovers(str(tmp_path / "nowhere")) == []
