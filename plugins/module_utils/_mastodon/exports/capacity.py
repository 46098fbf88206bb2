# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whether archives fit that are built at the same time: a pure function of what export_storage_info returns."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from ..._sidekiq.humanize import size
from .storage import build_bytes

_REMEDY: t.Final = "Make room there, or set Environment=TMPDIR= of the unit to a larger disk, and run this again."
_CLOSED: t.Final = ("build_read_only", "keep_read_only")


@dataclass
class Room:
    """Bytes that are left where archives are built and kept, infinite where that is not known.

    `closed`: why nothing can be built at all. `same_disk`: what is kept is taken from where it is built.
    """

    build: float = math.inf
    keep: float = math.inf
    same_disk: bool = False
    build_path: str = "/tmp"
    keep_path: str = ""
    closed: str = ""

    def take(self, media: int | None) -> str | None:
        """Take what an archive needs; or why it does not fit, in sentences. `media`: bytes, None if not known."""
        if self.closed:
            return self.closed
        kept = media or 0
        built = build_bytes(kept) + (kept if self.same_disk else 0)
        if self.build <= built:
            return _too_little(built, self.build, self.build_path)
        if not self.same_disk and self.keep <= kept:
            return _too_little(kept, self.keep, self.keep_path)
        self.build -= built
        self.keep -= kept
        return None


def room_of(storage: t.Mapping[str, t.Any] | None) -> Room:
    """`storage`: what export_storage_info returned; nothing if it could not look."""
    if not storage:
        return Room()
    build, keep = storage["build"], storage["keep"]
    closed = [
        f"{problem['message']} {problem['remedy']}" for problem in storage["problems"] if problem["id"] in _CLOSED
    ]
    return Room(
        _free(build),
        _free(keep),
        bool(storage["same_disk"]),
        build["path"] or "",
        keep["path"] or "",
        closed[0] if closed else "",
    )


def _free(disk: t.Mapping[str, t.Any]) -> float:
    if disk["free_inodes"] == 0:
        return 0
    return math.inf if disk["free_bytes"] is None else float(disk["free_bytes"])


def _too_little(needed: int, left: float, path: str) -> str:
    need = f"it needs about {size(needed)}" if needed else "it needs some"
    return f"There is no room for it: {need} in {path}, where {size(int(max(left, 0)))} are left. {_REMEDY}"
