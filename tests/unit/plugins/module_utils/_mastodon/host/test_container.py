# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.container import is_own
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.disk import mount_of, parse_mounts

DOCKER = """\
600 500 0:50 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a,upperdir=/b,workdir=/c
601 600 0:55 / /proc rw,nosuid - proc proc rw
602 600 0:56 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k
603 600 8:1 /srv/keep /root/.local/state rw,relatime - ext4 /dev/sda1 rw
604 600 8:1 /var/lib/docker/volumes/v/_data /data rw,relatime - ext4 /dev/sda1 rw
"""
PODMAN_ROOTLESS = """\
700 600 0:60 / / rw,relatime - fuse.fuse-overlayfs fuse-overlayfs rw,user_id=0
701 700 0:61 / /tmp rw,nosuid - tmpfs tmpfs rw
702 700 0:62 / /mnt/nfs rw - nfs4 server:/export rw
"""
AWX = """\
800 700 0:70 / / rw,relatime - overlay overlay rw,lowerdir=/l
801 800 0:71 / /runner rw,relatime - tmpfs tmpfs rw
802 800 253:0 /claim /var/lib/archives rw,relatime - xfs /dev/mapper/vg rw
"""


@pytest.mark.parametrize(
    ("mounts", "path", "own"),
    [
        (DOCKER, "/root/.local/state/fediverse.mastodon/archives", False),
        (DOCKER, "/root/.local/other", True),
        (DOCKER, "/data", False),
        (DOCKER, "/dev/shm", True),
        (PODMAN_ROOTLESS, "/root", True),
        (PODMAN_ROOTLESS, "/tmp/archives", True),
        (PODMAN_ROOTLESS, "/mnt/nfs/archives", False),
        (AWX, "/runner/project", True),
        (AWX, "/var/lib/archives/runs", False),
        ("", "/", False),
    ],
)
def test_which_mounts_go_with_the_container(mounts, path, own):
    assert is_own(mount_of(path, parse_mounts(mounts))) is own
