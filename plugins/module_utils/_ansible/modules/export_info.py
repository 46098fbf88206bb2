# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module that shows archives does."""

from __future__ import annotations

import contextlib
import os
import typing as t
from collections import Counter

from ..._mastodon.database import Database, NoDatabase
from ..._mastodon.exports.backup_jobs import BackupJob, drain_rate
from ..._mastodon.exports.backup_rows import Backup, read_backups, read_finished, read_media_sizes
from ..._mastodon.exports.files import size_of
from ..._mastodon.exports.match import STATES, Export, Needless
from ..._mastodon.exports.places import Places, read_places
from ..._mastodon.exports.read import Look, look
from ..._mastodon.host.disk import Disk
from ..._mastodon.jobs.names import parse_names
from ..._sidekiq.errors import BadOption
from ..._sidekiq.times import iso
from ..ending import Result
from ..options.database import DATABASE_OPTIONS, find_database
from ..run_redis import Session

EXPORT_INFO_OPTIONS: t.Final = {
    "backup_ids": {"type": "list", "elements": "int"},
    "user_ids": {"type": "list", "elements": "int"},
    "accounts": {"type": "list", "elements": "str"},
    "measure": {"type": "float", "default": 2.0},
    "heartbeat_timeout": {"type": "float", "default": 15.0},
    "sizes": {"type": "bool", "default": True},
    "database": {"type": "str", "choices": ["auto", "required", "never"], "default": "auto"},
    **DATABASE_OPTIONS,
}

UNKNOWN: t.Final = (
    "which rows have no job (orphans): the process that built the archive was killed",
    "whose archives these are, and which of them are for the same user",
    "which jobs are for archives that are finished or gone",
    "how large the archives will be",
)
"""What cannot be known without the database."""


def export_info(session: Session) -> Result:
    """All archives that are not finished, or those that are asked for."""
    options = with_names(session.options)
    for name in ("measure", "heartbeat_timeout"):
        if options[name] < 0:
            raise BadOption(f"{name} must be 0 seconds or more.")
    database_answer = find_database(options)
    database = database_answer.database
    seen = look(
        session.client, session.key, reader(database), options["heartbeat_timeout"], options["backup_ids"] or ()
    )
    rates = _rates(session, seen, options["measure"])
    chosen = [export for export in seen.joined.exports if wanted(options, export.backup_id, export.backup)]
    sizes = _sizes(database, chosen) if options["sizes"] else {}
    now = seen.backup_jobs.read_at
    free_threads = any(
        not process.quiet and process.busy < process.concurrency
        for process in seen.backup_jobs.processes
        if process.alive
    )
    shown = [shape(export, now, rates, free_threads, sizes) for export in chosen]
    places = _places(session)
    kept = places.keep_path if places else None
    shown += [_not_pending(number, row, now, kept) for number, row in _others(options, database, chosen)]
    if database is None:
        shown += [_without_row(number, seen, now) for number in _unseen(options, chosen)]
    totals = Counter(export.state for export in seen.joined.exports)
    count, size = read_finished(database) if database else (None, None)
    return {
        "changed": False,
        "server": session.server,
        "taken_at": iso(now),
        "taken_epoch": round(now, 3),
        "database": database is not None,
        "database_reason": database_answer.reason,
        "unknown": [] if database else list(UNKNOWN),
        "total": len(seen.joined.exports),
        "totals": {state: totals[state] for state in STATES},
        "exports": shown,
        "needless_jobs": [needless(needless_job) for needless_job in seen.joined.needless],
        "users_with_several": _users_with_several(seen),
        "silent_processes": list(seen.silent),
        "completed": {"count": count, "bytes": size},
        "queues": _queues(seen, rates),
        "space": _space(places),
    }


def reader(database: Database | None) -> t.Callable[[], list[Backup]] | None:
    """Reads all rows anew each time it is called."""
    return None if database is None else lambda: read_backups(database)


def with_names(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The options with the names of accounts as rows have them. Raises BadOption for what can be none of this server."""
    accounts = options["accounts"]
    names = None if accounts is None else [name.lower() for name in parse_names("usernames", "accounts", accounts)[0]]
    return {**options, "accounts": names}


def wanted(options: t.Mapping[str, t.Any], backup_id: int, row: Backup | None) -> bool:
    """Whether the options mean this archive; without a choice they mean all."""
    if options["backup_ids"] is not None and backup_id not in options["backup_ids"]:
        return False
    return _is_of(options, row)


def _is_of(options: t.Mapping[str, t.Any], row: Backup | None) -> bool:
    """Whether it is of one of the users that the options name; without a row only if they name none."""
    users, accounts = options["user_ids"], options["accounts"]
    if users is not None and (row is None or row.user_id not in users):
        return False
    return accounts is None or (row is not None and (row.account or "").lower() in accounts)


def shape(
    export: Export,
    now: float,
    rates: t.Mapping[str, float | None],
    free_threads: bool,
    sizes: t.Mapping[int, int],
) -> Result:
    """An archive as the modules return it."""
    row, leading = export.backup, export.leading
    created = row.created_at if row else (leading.job.created_at if leading else None)
    since = _since(leading) if leading else created
    result: Result = {
        "backup_id": export.backup_id,
        "user_id": row.user_id if row else None,
        "account": row.account if row else None,
        "state": export.state,
        "certain": export.certain,
        "duplicate_of": export.duplicate_of,
        **_moment("created", created),
        **_moment("since", since),
        "age": None if created is None else round(max(0.0, now - created), 3),
        "estimate": _estimate(leading, now, rates, free_threads),
        **_of_job(leading),
        "jids": [job.jid for job in export.jobs],
        "surplus_jids": [job.jid for job in export.surplus],
        "jobs": [_job(job) for job in export.jobs],
        "media_bytes": sizes.get(export.backup_id),
        "bytes": row.size if row else None,
        "path": row.path if row else None,
        "file_found": None,
        "file_bytes": None,
    }
    return result


def needless(needless_job: Needless) -> Result:
    """A job that could go, as the modules return it."""
    return {"backup_id": needless_job.job.backup_id, "reason": needless_job.reason, **_job(needless_job.job)}


def _places(session: Session) -> Places | None:
    """Where exports are built and kept; None where Mastodon is not there or its settings cannot be read."""
    root, unit = session.options["mastodon_root"], session.options["systemd_unit"]
    if os.path.isdir(root):
        with contextlib.suppress(BadOption):  # the settings cannot be read, and what needs them says so
            return read_places(root, unit, session.run)
    return None


def _space(places: Places | None) -> Result:
    """Room where exports are built and where they are kept; null where it cannot be read or is not on a disk of this host."""
    if places is None:
        return {"build": _disk(None, None), "keep": _disk(None, None)}
    return {"build": _disk(places.build, places.tmpdir.path), "keep": _disk(places.keep, places.keep_path)}


def _disk(disk: Disk | None, path: str | None) -> Result:
    return {
        "path": path,
        "free_bytes": disk.free if disk else None,
        "total_bytes": disk.total if disk else None,
        "free_inodes": disk.free_inodes if disk else None,
    }


def _rates(session: Session, seen: Look, seconds: float) -> dict[str, float | None]:
    queues = sorted(
        {
            job.queue
            for export in seen.joined.exports
            for job in export.jobs[:1]
            if job.place == "queues" and job.queue and job.position
        }
    )
    return {queue: drain_rate(session.client, session.key, queue, seconds) if seconds else None for queue in queues}


def _estimate(
    job: BackupJob | None, now: float, rates: t.Mapping[str, float | None], free_threads: bool
) -> float | None:
    """Seconds until it is begun; None where nobody can tell."""
    if job is None or job.place == "running":
        return None
    if job.place != "queues":
        return None if job.at is None else round(max(0.0, job.at - now), 3)
    if not job.position:
        return 0.0 if free_threads else None
    rate = rates.get(job.queue or "")
    return round(job.position / rate, 3) if rate else None


def _since(job: BackupJob) -> float | None:
    """Since when it is where it is, epoch seconds."""
    if job.work is not None:
        return job.work.run_at
    if job.place == "retry":
        return job.job.retried_at or job.job.failed_at
    return job.job.enqueued_at or job.job.created_at if job.place == "queues" else job.job.created_at


def _of_job(job: BackupJob | None) -> Result:
    """The keys of the job that leads, all null without one."""
    process, work = (job.process, job.work) if job else (None, None)
    failed = bool(job and job.job.attempts)
    return {
        "jid": job.jid if job else None,
        "queue": job.queue if job else None,
        "position": job.position + 1 if job and job.position is not None else None,
        "ahead": job.position if job else None,
        "process": work.identity if work else None,
        "hostname": process.hostname if process else None,
        "pid": process.pid if process else None,
        "beat_age": None if process is None or process.beat_age is None else round(process.beat_age, 3),
        "elapsed": None if work is None or work.elapsed is None else round(work.elapsed, 3),
        "attempts": job.job.attempts if job else None,
        "error_class": job.job.error_class if job and failed else None,
        **_moment("next_try", job.at if job and job.place in ("retry", "scheduled") else None),
    }


def _job(job: BackupJob) -> Result:
    return {
        "jid": job.jid,
        "place": job.place,
        "queue": job.queue,
        "ahead": job.position,
        "process": job.work.identity if job.work else None,
    }


def _not_pending(number: int, row: Backup | None, now: float, kept: str | None) -> Result:
    """An archive that was asked for by its id and is finished, or whose row is gone."""
    state = "gone" if row is None else "finished"
    shown = shape(Export(number, state, row), now, {}, False, {})
    shown.update(_moment("since", row.updated_at if row else None))
    return {**shown, **_file(kept, row.path if row else None)}


def _file(kept: str | None, path: str | None) -> Result:
    """Whether the file of a finished export is there, and its size. None where exports are not on a disk that can be read."""
    found, size = None, None
    if kept is not None and path is not None:
        try:
            size = size_of(kept, path)
            found = size is not None
        except OSError:  # a directory that this user may not read
            pass
    return {"file_found": found, "file_bytes": size}


def _without_row(number: int, seen: Look, now: float) -> Result:
    """An archive that was asked for by its id, has no job, and whose row cannot be read."""
    return shape(Export(number, "ended", certain=number in seen.ended), now, {}, False, {})


def _unseen(options: t.Mapping[str, t.Any], chosen: t.Sequence[Export]) -> list[int]:
    """Ids that were asked for and have no export."""
    return sorted(set(options["backup_ids"] or ()) - {export.backup_id for export in chosen})


def _others(
    options: t.Mapping[str, t.Any], database: Database | None, chosen: t.Sequence[Export]
) -> t.Iterator[tuple[int, Backup | None]]:
    if database is None or not options["backup_ids"]:
        return
    ids = _unseen(options, chosen)
    rows = {row.id: row for row in read_backups(database, ids)} if ids else {}
    for number in ids:
        row = rows.get(number)
        if _is_of(options, row):
            yield number, row


def _sizes(database: Database | None, exports: t.Sequence[Export]) -> dict[int, int]:
    if database is None or not exports:
        return {}
    try:
        return read_media_sizes(database, [export.backup_id for export in exports])
    except NoDatabase:  # too many media to count in time; all else is known
        return {}


def _users_with_several(seen: Look) -> int | None:
    if seen.backups is None:
        return None
    users = Counter(row.user_id for row in seen.backups if row.pending and row.user_id is not None)
    return sum(1 for number in users.values() if number > 1)


def _queues(seen: Look, rates: t.Mapping[str, float | None]) -> list[Result]:
    """Queues in which archives wait: how fast they empty, and who takes from them."""
    names = sorted({job.queue for job in seen.backup_jobs.jobs if job.place == "queues" and job.queue})
    return [
        {
            "name": name,
            "rate": None if rates.get(name) is None else round(rates[name] or 0.0, 3),
            "processes": [
                process.identity for process in seen.backup_jobs.processes if process.alive and name in process.queues
            ],
            "quiet": [
                process.identity
                for process in seen.backup_jobs.processes
                if process.alive and process.quiet and name in process.queues
            ],
        }
        for name in names
    ]


def _moment(name: str, seconds: float | None) -> Result:
    at = iso(seconds)
    return {f"{name}_at": at, f"{name}_epoch": None if at is None or seconds is None else round(seconds, 3)}
