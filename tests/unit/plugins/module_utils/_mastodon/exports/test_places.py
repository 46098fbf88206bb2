# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where exports are kept follows from Mastodon's settings, and where root sees what the unit builds."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.places import Places, keeps, owner_of
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.tmpdir import Sandbox, Temporary
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.variables import Variables


@pytest.mark.parametrize(
    ("variables", "kept"),
    [
        ({}, ("local", "/live/public/system")),
        ({"PAPERCLIP_ROOT_PATH": "media"}, ("local", "/live/media")),
        ({"PAPERCLIP_ROOT_PATH": "/srv/media"}, ("local", "/srv/media")),
        ({"S3_ENABLED": "true", "PAPERCLIP_ROOT_PATH": "/srv/media"}, ("s3", None)),
        ({"S3_ENABLED": "false"}, ("local", "/live/public/system")),
        ({"SWIFT_ENABLED": "true"}, ("swift", None)),
        ({"AZURE_ENABLED": "true"}, ("azure", None)),
    ],
)
def test_where_they_are_kept(variables, kept):
    assert keeps(Variables(variables), "/live") == kept


@pytest.mark.parametrize(
    ("tmpdir", "sandbox", "path"),
    [
        ("/tmp", Sandbox(), "/tmp"),
        ("/tmp", Sandbox(active=True, pid=7, private_tmp=True), "/proc/7/root/tmp"),
        ("/tmp", Sandbox(private_tmp=True), None),  # nobody sees it before the unit runs
        ("/srv/tmp", Sandbox(private_tmp=True), "/srv/tmp"),
        ("/srv/tmp", Sandbox(active=True, pid=7), "/proc/7/root/srv/tmp"),
    ],
)
def test_where_root_sees_what_is_built(tmpdir, sandbox, path):
    assert Places(Temporary(tmpdir), sandbox, None, "local", None, None).host_path == path


def test_the_owner_of_the_directory(tmp_path):
    assert owner_of(str(tmp_path)) == os.getuid()
    assert owner_of(str(tmp_path / "none")) is None
