# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds deleted files, on real ones: their room counts once, and only on the file systems that are asked for."""

from __future__ import annotations

import os

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.open_deleted import deleted_but_open


def ours(device):
    return [holder for holder in deleted_but_open([device]) if holder.pid == os.getpid()]


def test_a_deleted_file_counts_until_it_is_closed(tmp_path):
    device = os.stat(tmp_path).st_dev
    before = sum(holder.files for holder in ours(device))
    path = tmp_path / "build.zip"
    with path.open("wb") as file:
        file.write(b"x" * 1_000_000)
        file.flush()
        os.fsync(file.fileno())
        assert sum(holder.files for holder in ours(device)) == before, "it is not deleted yet"
        path.unlink()
        second = os.dup(file.fileno())
        [holder] = ours(device)
        assert holder.files == before + 1, "held twice, it takes its room once"
        assert holder.bytes >= 1_000_000 and holder.command
        assert not ours(device + 1_000_000)
    os.close(second)
    assert sum(holder.files for holder in ours(device)) == before


def test_the_one_that_holds_most_comes_first(tmp_path):
    """A tree like /proc, with links as the kernel shows them, that no process of this host changes meanwhile."""
    assert deleted_but_open([1], str(tmp_path)) == []
    (tmp_path / "self").mkdir()
    (tmp_path / "7" / "fd").mkdir(parents=True)
    (tmp_path / "7" / "fd" / "3").symlink_to("/nowhere (deleted)")
    assert deleted_but_open([os.stat(tmp_path).st_dev], str(tmp_path)) == []
