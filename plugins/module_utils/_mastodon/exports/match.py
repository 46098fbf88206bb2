# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Rows of archives joined with their jobs: what has become of each archive that somebody waits for. Pure."""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import dataclass, field, replace

from .backup_jobs import BackupJob
from .backup_rows import Backup

STATES: t.Final = ("waiting", "scheduled", "running", "retrying", "duplicated", "orphaned")

_STATE: t.Final = {"queues": "waiting", "scheduled": "scheduled", "running": "running", "retry": "retrying"}
_FIRST: t.Final = {"running": 0, "queues": 1, "retry": 2, "scheduled": 3}


@dataclass(frozen=True)
class Export:
    """An archive that is not finished. `backup`: its row, None without access to the database.

    `jobs`: the one that will be first to end leads. `state`: one of `STATES`. `duplicate_of`: the id of the row whose
    archive makes this one needless, because the same user gets it first. `certain`: false for an orphan while a
    process is silent that may have its job.
    """

    backup_id: int
    state: str
    backup: Backup | None = None
    jobs: tuple[BackupJob, ...] = ()
    duplicate_of: int | None = None
    certain: bool = True

    @property
    def leading(self) -> BackupJob | None:
        return self.jobs[0] if self.jobs else None

    @property
    def surplus(self) -> tuple[BackupJob, ...]:
        """Jobs that could go without a loss; none that runs, as nothing can stop it."""
        extra = self.jobs if self.duplicate_of is not None else self.jobs[1:]
        return tuple(job for job in extra if job.place != "running")


@dataclass(frozen=True)
class Needless:
    """A job for an archive that nobody waits for. `reason`: no_row, finished, or no_number for an argument that names no row."""

    job: BackupJob
    reason: str


@dataclass(frozen=True)
class Joined:
    """All of it. `needless` is empty without access to the database, but for what names no row at all."""

    exports: tuple[Export, ...]
    needless: tuple[Needless, ...] = field(default=())


def join(backups: t.Iterable[Backup] | None, jobs: t.Iterable[BackupJob], silent: bool = False) -> Joined:
    """Join rows (None: they cannot be read) with jobs. `silent`: some process does not say what it runs."""
    by_id: dict[int, list[BackupJob]] = defaultdict(list)
    needless = []
    for job in jobs:
        if job.backup_id is None:
            needless.append(Needless(job, "no_number"))
        else:
            by_id[job.backup_id].append(job)
    for same in by_id.values():
        same.sort(key=_rank)
    if backups is None:
        exports = [Export(number, _state(same), None, tuple(same)) for number, same in by_id.items()]
        return Joined(tuple(sorted(exports, key=_order)), tuple(needless))
    rows = {row.id: row for row in backups}
    for number, same in by_id.items():
        row = rows.get(number)
        if row is None or not row.pending:
            needless += [Needless(job, "no_row" if row is None else "finished") for job in same]
    exports = [_export(row, by_id.get(row.id, []), silent) for row in rows.values() if row.pending]
    return Joined(tuple(sorted(_without_duplicates(exports), key=_order)), tuple(needless))


def _export(row: Backup, jobs: list[BackupJob], silent: bool) -> Export:
    return Export(row.id, _state(jobs), row, tuple(jobs), certain=bool(jobs) or not silent)


def _state(jobs: list[BackupJob]) -> str:
    if not jobs:
        return "orphaned"
    return "duplicated" if len(jobs) > 1 else _STATE[jobs[0].place]


def _without_duplicates(exports: list[Export]) -> t.Iterator[Export]:
    """Of each user one archive is enough: the first to end deletes the others' rows and files (BackupWorker)."""
    of_user: dict[t.Any, list[Export]] = defaultdict(list)
    for export in exports:
        user = export.backup.user_id if export.backup else None
        of_user[("row", export.backup_id) if user is None else user].append(export)
    for same in of_user.values():
        first, *others = sorted(same, key=_precedence)
        yield first
        for other in others:
            state = "duplicated" if other.jobs else "orphaned"
            yield replace(other, state=state, duplicate_of=first.backup_id)


def _precedence(export: Export) -> tuple[t.Any, ...]:
    """First what will end first; among orphans the newest, which is the one that the user asked for last."""
    if export.leading is None:
        return (9, 0.0, -export.backup_id)
    return (*_rank(export.leading), export.backup_id)


def _rank(job: BackupJob) -> tuple[int, float]:
    started = job.work.run_at if job.work else None
    within = {"running": started, "queues": job.position, "retry": job.at, "scheduled": job.at}[job.place]
    return _FIRST[job.place], float(within or 0)


def _order(export: Export) -> tuple[int, t.Any, int]:
    """As the schedule shows them: what runs, then what will run in its order, then what never will by itself."""
    leading = export.leading
    return (0, _rank(leading), export.backup_id) if leading else (1, (0, 0.0), export.backup_id)
