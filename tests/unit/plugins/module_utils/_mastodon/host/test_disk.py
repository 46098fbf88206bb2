# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts as mountinfo lists them, and percentages as df has them. Real file systems are looked at in tests/conformance."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.disk import (
    Disk,
    look_at,
    mount_of,
    parse_mounts,
)

MOUNTINFO = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
30 22 0:26 / /tmp rw,nosuid shared:13 master:1 - tmpfs tmpfs rw,size=1024k
31 30 0:27 / /tmp rw,noexec - tmpfs private rw
40 22 8:17 /x /srv/a\040b rw,relatime - xfs /dev/sdb1 rw
broken
"""


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/", "/dev/sda1"),
        ("/tmpfile", "/dev/sda1"),
        ("/tmp", "private"),
        ("/tmp/x", "private"),
        ("/srv/a b/c", "/dev/sdb1"),
        ("/srv/a", "/dev/sda1"),
    ],
)
def test_the_mount_of_a_path(path, source):
    found = mount_of(path, parse_mounts(MOUNTINFO))
    assert found.source == source


def test_options_of_mount_and_file_system():
    found = mount_of("/srv/a b", parse_mounts(MOUNTINFO))
    assert (found.point, found.type, found.options) == ("/srv/a b", "xfs", ("rw", "relatime"))
    assert mount_of("/", parse_mounts(MOUNTINFO)).options == ("rw", "relatime", "errors=remount-ro")
    assert mount_of("/", []) is None


def test_percentages():
    disk = Disk("/a", "/a", 1, 1000, 250, 10, 9, False)
    assert (disk.used_percent, disk.inodes_used_percent, disk.in_memory) == (75.0, 10.0, False)
    assert Disk("/a", "/a", 1, 0, 0, None, None, False).used_percent == 100.0
    assert Disk("/a", "/a", 1, 1, 1, None, None, False).inodes_used_percent is None


def test_the_nearest_directory_that_is_there(tmp_path):
    found = look_at(str(tmp_path / "no" / "such"))
    assert found.there == str(tmp_path) and found.path.endswith("/no/such") and found.total >= found.free > 0
