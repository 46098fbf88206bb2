# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""One look at all archives: rows and jobs, read so that an orphan is one for certain."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..._sidekiq.keys import Keys
from ..._sidekiq.state.heartbeats import wait_for_heartbeats
from .backup_jobs import BackupJobs, find_backup_jobs
from .backup_rows import Backup
from .match import Joined, join

ReadRows = t.Callable[[], t.Sequence[Backup]]


@dataclass(frozen=True)
class Look:
    """What was seen. `began`: before anything was read, epoch seconds of Redis. `silent`: processes that did not say what they run.

    `ended`: of the expected archives those whose job is gone for certain.
    """

    joined: Joined
    backup_jobs: BackupJobs
    backups: tuple[Backup, ...] | None
    began: float
    silent: tuple[str, ...] = ()
    ended: frozenset[int] = frozenset()


def look(
    client: t.Any, key: Keys, read_rows: ReadRows | None, heartbeat_timeout: float, expected: t.Collection[int] = ()
) -> Look:
    """Read jobs, then rows: an archive that ended in between has a finished row. `expected`: ids that should have a job or a row.

    A job is in no list while it runs, and shows up in its process's list up to ten seconds later. So where a row seems to
    have no job, wait (at most `heartbeat_timeout` seconds) until all processes have said what they run, and look a second time.
    """
    backup_jobs = find_backup_jobs(client, key)
    began = backup_jobs.read_at
    if read_rows is None:
        return _look_without_rows(client, key, backup_jobs, heartbeat_timeout, expected)
    rows = tuple(read_rows())
    joined = join(rows, backup_jobs.jobs)
    suspects = {export.backup_id for export in joined.exports if not export.jobs}
    if not suspects:
        return Look(joined, backup_jobs, rows, began)
    silent = wait_for_heartbeats(client, key, heartbeat_timeout)
    backup_jobs = find_backup_jobs(client, key)
    rows = tuple(read_rows())
    joined = join(rows, backup_jobs.jobs, silent=bool(silent))
    # what only the second look misses has been looked for once
    exports = tuple(
        export if export.jobs or export.backup_id in suspects else replace(export, certain=False)
        for export in joined.exports
    )
    return Look(Joined(exports, joined.needless), backup_jobs, rows, began, silent)


def _look_without_rows(
    client: t.Any, key: Keys, backup_jobs: BackupJobs, heartbeat_timeout: float, expected: t.Collection[int]
) -> Look:
    began = backup_jobs.read_at
    missing = _without_job(expected, backup_jobs)
    if not missing:
        return Look(join(None, backup_jobs.jobs), backup_jobs, None, began)
    silent = wait_for_heartbeats(client, key, heartbeat_timeout)
    backup_jobs = find_backup_jobs(client, key)
    ended = frozenset() if silent else missing & _without_job(expected, backup_jobs)
    return Look(join(None, backup_jobs.jobs), backup_jobs, None, began, silent, ended)


def _without_job(expected: t.Collection[int], backup_jobs: BackupJobs) -> frozenset[int]:
    return frozenset(expected) - {job.backup_id for job in backup_jobs.jobs}
