# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are archives, and which of these nobody needs."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.backup_rows import id_partition
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.files import (
    ArchiveFile,
    Kept,
    read_files,
    size_of,
    unneeded,
)

NAME = "archive-20260903060145-0123456789abcdef0123456789abcdef"


def make(root, path):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"12345")


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        (f"backups/dumps/{id_partition(22)}/original/{NAME}.zip", True),
        (f"backups/dumps/{id_partition(22)}/original/{NAME}.tar.gz", True),
        (f"backups/dumps/{id_partition(10**9)}/original/{NAME}.zip", True),
        (f"backups/dumps/{id_partition(22)}/{NAME}.zip", False),
        (f"backups/dumps/{id_partition(22)}/original/{NAME}.zip.part", False),
        (f"backups/dumps/{id_partition(22)}/original/{NAME.upper()}.zip", False),
        (f"backups/dumps/000/original/{NAME}.zip", False),
    ],
)
def test_names(tmp_path, path, is_one):
    make(tmp_path, path)
    found = read_files(str(tmp_path))
    assert [file.path for file in found.files] == ([path] if is_one else [])
    assert (found.others, found.bytes) == ((0, 5) if is_one else (1, 0))


def test_nothing_there(tmp_path):
    assert read_files(str(tmp_path)) == Kept()


def test_old_and_not_named_by_a_row():
    day = 86400
    files = [ArchiveFile("needed", 1, 0), ArchiveFile("old", 1, day), ArchiveFile("young", 1, day + 1)]
    assert unneeded(files, {"needed"}, 8 * day, 7) == [files[1]]
    assert unneeded(files, set(), 8 * day, 7) == files[:2]


def test_the_size_of_a_file_that_a_row_names(tmp_path):
    root = tmp_path / "system"
    make(root, "backups/a.zip")
    (root / "link.zip").symlink_to(root / "backups/a.zip")
    make(tmp_path, "outside.zip")
    assert size_of(str(root), "backups/a.zip") == 5
    for missing in (
        "backups/b.zip",
        "backups/a.zip/c",
        "backups",
        "link.zip",
        "../outside.zip",
        str(tmp_path / "outside.zip"),
    ):
        assert size_of(str(root), missing) is None
