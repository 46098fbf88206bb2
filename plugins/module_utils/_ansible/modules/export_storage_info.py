# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module that looks at the room for archives does."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import asdict

from ..._mastodon.database import Database, NoDatabase
from ..._mastodon.exports.backup_rows import Backup, read_backups, read_largest_account, read_media_sizes
from ..._mastodon.exports.files import DAY, ArchiveFile, Kept, read_files, unneeded
from ..._mastodon.exports.places import owner_of, read_places
from ..._mastodon.exports.storage import Estimate, fits, problems
from ..._mastodon.host.disk import Disk
from ..._mastodon.host.open_deleted import deleted_but_open
from ..._sidekiq.errors import BadOption
from ..ending import Result
from ..options.connection import connection_argument_spec
from ..options.database import DATABASE_OPTIONS, find_database
from ..run_host import Host
from .export_build_files import found_in

OPTIONS: t.Final = {
    **{name: connection_argument_spec()[name] for name in ("mastodon_root", "systemd_unit")},
    "threshold": {"type": "float", "default": 80.0},
    "keep_days": {"type": "int", "default": 14},
    "database": {"type": "str", "choices": ["auto", "required", "never"], "default": "auto"},
    **DATABASE_OPTIONS,
}


def storage_info(host: Host) -> Result:
    """Room where archives are built and kept, what the next one needs, and the files that no row needs."""
    options = _checked(host.options)
    places = read_places(options["mastodon_root"], options["systemd_unit"], host.run)
    build, keep, keep_path = places.build, places.keep, places.keep_path
    # The files first: a row that is made after them is for a file that is not among them.
    kept = read_files(keep_path) if keep_path else Kept()
    found = find_database(options)
    rows = read_backups(found.database) if found.database else None
    estimate = _estimate(found.database, rows)
    holders = deleted_but_open({disk.device for disk in (build,) if disk is not None})
    now = time.time()
    left = found_in(places.host_path, owner_of(options["mastodon_root"]), now)
    spare = [] if rows is None else unneeded(kept.files, needed(rows), now, options["keep_days"])
    return {
        "changed": False,
        "build": {
            **_disk(build, places.tmpdir.path),
            "variable": places.tmpdir.variable,
            "private": places.private_tmp,
            "host_path": places.host_path,
        },
        "keep": {**_disk(keep, keep_path), "service": places.service},
        "same_disk": None if build is None or keep is None else build.device == keep.device,
        "deleted_open": {
            "bytes": sum(holder.bytes for holder in holders),
            "files": sum(holder.files for holder in holders),
            "processes": [asdict(holder) for holder in holders[:10]],
        },
        "build_files": {name: left[name] for name in ("path", "reason", "count", "bytes", "files")},
        "database": found.database is not None,
        "database_reason": found.reason,
        "estimate": {
            "basis": estimate.basis,
            "build_bytes": estimate.build,
            "build_bytes_at_most": estimate.build_at_most,
            "keep_bytes": estimate.bytes,
            "fits": fits(estimate, build, keep),
        },
        "archives": {"files": len(kept.files), "bytes": kept.bytes, "other_files": kept.others},
        "unneeded": [_file(file, keep_path or "", now) for file in spare],
        "unneeded_bytes": sum(file.bytes for file in spare),
        "problems": [
            asdict(one) for one in problems(build, keep, places.tmpdir, estimate, holders, options["threshold"])
        ],
    }


def needed(rows: t.Iterable[Backup]) -> set[str]:
    """The files that rows name."""
    return {row.path for row in rows if row.path is not None}


def _checked(options: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    if not 0 < options["threshold"] <= 100:
        raise BadOption(f"threshold is a percentage above 0 up to 100, not {options['threshold']:g}.")
    if options["keep_days"] < 1:
        raise BadOption("keep_days must be at least 1: a younger file may belong to an archive that is being built.")
    if not os.path.isdir(options["mastodon_root"]):
        raise BadOption(
            f"There is no {options['mastodon_root']}. Set mastodon_root to the folder with Mastodon's code."
        )
    return options


def _estimate(database: Database | None, rows: t.Sequence[Backup] | None) -> Estimate:
    """Of the archives that wait the largest; else what the largest account would need; else the largest there is."""
    if database is None or rows is None:
        return Estimate()
    pending = [row.id for row in rows if row.pending]
    try:
        if pending:
            return Estimate(max(read_media_sizes(database, pending).values(), default=0), "pending")
        largest = read_largest_account(database)
        if largest is not None:
            return Estimate(largest, "largest_account")
    except NoDatabase:  # too many media to add up in time
        pass
    sizes = [row.size for row in rows if row.size is not None]
    return Estimate(max(sizes), "largest_archive") if sizes else Estimate()


def _disk(disk: Disk | None, path: str | None) -> Result:
    mount = disk.mount if disk else None
    return {
        "path": path,
        "total_bytes": disk.total if disk else None,
        "free_bytes": disk.free if disk else None,
        "used_percent": disk.used_percent if disk else None,
        "inodes": disk.inodes if disk else None,
        "free_inodes": disk.free_inodes if disk else None,
        "inodes_used_percent": disk.inodes_used_percent if disk else None,
        "read_only": disk.read_only if disk else None,
        "in_memory": disk.in_memory if disk else None,
        "mount_point": mount.point if mount else None,
        "filesystem": mount.type if mount else None,
        "mount_options": list(mount.options) if mount else None,
    }


def _file(file: ArchiveFile, root: str, now: float) -> Result:
    age = round((now - file.changed) / DAY, 1)
    return {"path": os.path.join(root, file.path), "bytes": file.bytes, "age_days": age}
