# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whether a directory goes when the container goes in which a task runs: AWX, execution environments, CI."""

from __future__ import annotations

import os
import re
import socket
import typing as t

from .disk import IN_MEMORY, Mount, look_at

_MARKS: t.Final = ("/.dockerenv", "/run/.containerenv")  # of Docker; of podman, buildah and CRI-O
_CGROUP: t.Final = re.compile(r"docker|kubepods|libpod|containerd|crio|buildah|garden")
_LAYERED: t.Final = re.compile(r"(fuse\.)?(fuse-)?overlay(fs)?|aufs")


def is_container() -> bool:
    """Whether this process runs in a container of Docker, podman, Kubernetes or their like; LXC and nspawn keep their files."""
    if any(map(os.path.exists, _MARKS)) or "KUBERNETES_SERVICE_HOST" in os.environ:
        return True
    try:
        with open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
            return bool(_CGROUP.search(file.read()))
    except OSError:
        return False


def is_own(mount: Mount | None) -> bool:
    """Whether a mount that is seen in a container is the container's own, and not one from outside."""
    return mount is not None and (mount.type in IN_MEMORY or bool(_LAYERED.fullmatch(mount.type)))


def warnings_for(directory: str, option: str, what: str) -> list[str]:
    """A warning if what is written to a directory will not outlive the container in which we run."""
    path = os.path.abspath(os.path.expanduser(directory))
    disk = look_at(path) if is_container() else None
    if disk is None or not is_own(disk.mount):
        return []
    return [
        f"{option}: {path} is on a file system of the container {socket.gethostname()} itself ({disk.mount.type if disk.mount else ''})."
        f" When the container is removed, {what} is gone and the edit cannot be undone. Set {option} to a directory that is"
        " mounted into the container from outside, or run the task on a host instead."
    ]
