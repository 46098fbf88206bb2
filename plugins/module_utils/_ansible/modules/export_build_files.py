# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module does that removes what killed builds of exports left."""

from __future__ import annotations

import os
import time
import typing as t

from ..._mastodon.exports.build_files import MIN_AGE, BuildFile, read_build_files, read_living, remove
from ..._mastodon.exports.places import owner_of, read_places
from ..._sidekiq.duration import seconds
from ..._sidekiq.errors import BadOption
from ..._sidekiq.text import printable
from ..ending import Result
from ..options.connection import connection_argument_spec
from ..run_host import Host

OPTIONS: t.Final = {
    **{name: connection_argument_spec()[name] for name in ("mastodon_root", "systemd_unit")},
    "state": {"type": "str", "choices": ["absent"], "default": "absent"},
    "min_age": {"type": "str", "default": "1h"},
}
_LISTED: t.Final = 100


def remove_build_files(host: Host) -> Result:
    """Find what killed builds left, and outside check mode remove it."""
    min_age = seconds(host.options["min_age"], "min_age")
    if min_age < MIN_AGE:
        raise BadOption("min_age must be at least 1h: a younger file may belong to a build that runs.")
    root = host.options["mastodon_root"]
    if not os.path.isdir(root):
        raise BadOption(f"There is no {root}. Set mastodon_root to the folder with Mastodon's code.")
    folder = read_places(root, host.options["systemd_unit"], host.run).host_path
    now = time.time()
    result = found_in(folder, owner_of(root), now, min_age)
    before = files = result.pop("all")
    if folder is not None and files and not host.check_mode:
        files = remove(folder, files)
        result.update(_summary(files, now))
    left = len(before) - len(files)
    return {**result, "changed": bool(files), "diff": {"before": {"files": len(before)}, "after": {"files": left}}}


def found_in(folder: str | None, owner: int | None, now: float, min_age: float = MIN_AGE) -> Result:
    """The files that killed builds left in a directory; `reason` says why that is not known."""
    files: list[BuildFile] = []
    reason = None
    if folder is None or not os.path.isdir(folder) or owner is None:
        reason = "The temporary directory of the unit is not there: the unit does not run, or its /tmp is private."
    else:
        living = read_living(owner)
        if living.open is None:
            reason = "Not all open files of Mastodon's user can be read. Run the task as root (become: true)."
        files = read_build_files(folder, owner, now, living, min_age)
    return {
        "path": folder,
        "reason": reason,
        **_summary(files, now),
        "all": files,
    }


def _summary(files: t.Sequence[BuildFile], now: float) -> Result:
    return {
        "count": len(files),
        "bytes": sum(file.bytes for file in files),
        "files": [_shown(file, now) for file in files[:_LISTED]],
    }


def _shown(file: BuildFile, now: float) -> Result:
    age = round((now - file.changed) / 86400, 1)
    return {"name": printable(file.name, 255), "pid": file.pid, "bytes": file.bytes, "age_days": age}
