# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Mastodon keeps the file of an export, and when a row is pending."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.backup_rows import (
    Backup,
    id_partition,
)

ROW = Backup(22, 1, "alice", False, None, None, 0.0, 0.0)


@pytest.mark.parametrize(
    ("number", "folders"),
    [
        (1, "000/000/001"),
        (22_123, "000/022/123"),
        (999_999_999, "999/999/999"),
        (10**9, "001/000/000/000"),  # paperclip takes twelve digits from here on
    ],
)
def test_folders_of_an_id(number, folders):
    assert id_partition(number) == folders


def test_only_a_row_with_a_file_has_a_path():
    assert ROW.path is None and ROW.pending
    finished = replace(ROW, processed=True, file="archive-1.zip")
    assert finished.path == "backups/dumps/000/000/022/original/archive-1.zip" and not finished.pending
