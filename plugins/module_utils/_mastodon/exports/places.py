# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Where exports are built and where they are kept: the one answer, for every module that speaks of their room."""

from __future__ import annotations

import os
import shutil
import typing as t
from dataclasses import dataclass

from ..host.disk import Disk, look_at
from ..host.tmpdir import VARIABLES, Sandbox, Temporary, sandbox, temporary
from ..installation.systemd.environment import unit_environment
from ..installation.systemd.show import Runner
from ..settings.variables import Variables, collect

_OBJECT_STORAGE: t.Final = {"S3_ENABLED": "s3", "SWIFT_ENABLED": "swift", "AZURE_ENABLED": "azure"}


@dataclass(frozen=True)
class Places:
    """The directories in which exports are built and kept, and the room there.

    `tmpdir`: Ruby's directory for temporary files, as the processes of the unit see it in their `sandbox`. `build` and `keep`:
    None where the room cannot be read. `service`: what keeps exports. `keep_path`: None in object storage.
    """

    tmpdir: Temporary
    sandbox: Sandbox
    build: Disk | None
    service: str
    keep_path: str | None
    keep: Disk | None

    @property
    def private_tmp(self) -> bool:
        """Whether exports are built in a /tmp that only the unit sees."""
        return self.sandbox.private_tmp and self.tmpdir.path.startswith("/tmp")

    @property
    def host_path(self) -> str | None:
        """Where root sees the directory in which exports are built; None if nobody sees it, as the unit does not run."""
        if self.sandbox.pid is None:
            return None if self.private_tmp else self.tmpdir.path
        return f"/proc/{self.sandbox.pid}/root{self.tmpdir.path}"


def read_places(root: str, unit: str, run: Runner) -> Places:
    """Read Mastodon's settings and the sandbox of the unit. Raises BadOption where the settings cannot be read."""
    has_systemd = shutil.which("systemctl") is not None
    box = sandbox(unit, run) if has_systemd else Sandbox()
    variables = collect(root, {}, unit, unit_environment(unit, run) if has_systemd else {})
    tmpdir = temporary({name: variables.filled(name) for name in VARIABLES}, owner_of(root), box.pid)
    service, keep_path = keeps(variables, root)
    keep = look_at(keep_path, box.pid) if keep_path else None
    return Places(tmpdir, box, look_at(tmpdir.path, box.pid), service, keep_path, keep)


def keeps(variables: Variables, root: str) -> tuple[str, str | None]:
    """Which service keeps exports, and in which directory of this host; None in object storage."""
    for name, service in _OBJECT_STORAGE.items():
        if variables.filled(name) == "true":
            return service, None
    return "local", os.path.join(root, variables.filled("PAPERCLIP_ROOT_PATH") or os.path.join("public", "system"))


def owner_of(root: str) -> int | None:
    """The uid of Mastodon's user; None without such a directory."""
    try:
        return os.stat(root).st_uid
    except OSError:
        return None
