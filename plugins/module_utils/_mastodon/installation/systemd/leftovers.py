# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Drop-ins below /run that a role writes for the time of its work, and that stay until the next boot if it is interrupted."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

STOP_TIMEOUT_DROP_IN: t.Final = "zzz-workers-stop.conf"
"""Of the role workers while units change, so that systemd waits as long as the process that runs now may need."""
ROLES: t.Final[t.Mapping[str, str]] = {
    "zzz-restart-stop.conf": "restart",
    STOP_TIMEOUT_DROP_IN: "workers",
    "zz-federation-rescue.conf": "federation_rescue",
}
_FOLDER: t.Final = "/run/systemd/system"


@dataclass(frozen=True)
class Leftover:
    """A drop-in: its path, its unit, and the role that wrote it."""

    path: str
    unit: str
    role: str


def read_leftovers(folder: str = _FOLDER) -> list[Leftover]:
    """The drop-ins of roles that work on this host, or were interrupted while they did; by path."""
    found = []
    for name in _names(folder):
        if name.endswith(".d"):
            path = os.path.join(folder, name)
            roles = ((file, ROLES[file]) for file in _names(path) if file in ROLES)
            found += [Leftover(os.path.join(path, file), name[: -len(".d")], role) for file, role in roles]
    return found


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
