# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module that mends archives does."""

from __future__ import annotations

import os
import typing as t
from collections import Counter
from dataclasses import replace

from ..._mastodon.database import Database
from ..._mastodon.exports.backup_rows import delete_unfinished, insert_rows, read_backups, read_whole
from ..._mastodon.exports.enqueue import claim, milliseconds, new_job
from ..._mastodon.exports.plan import Decision, decide
from ..._mastodon.exports.read import Look, look
from ..._mastodon.exports.released_rows import mark_restored, read_released, write_released
from ..._mastodon.host.atomic_file import held
from ..._mastodon.host.container import warnings_for
from ..._mastodon.runbook.edits import Run
from ..._mastodon.settings.database import describe
from ..._mastodon.settings.release import read_release
from ..._sidekiq.duration import seconds
from ..._sidekiq.errors import BadOption
from ..._sidekiq.file_lock import refuse_held
from ..._sidekiq.redis.clock import redis_time
from ..._sidekiq.state.snapshot import read_snapshot
from ..ending import Result
from ..options.database import DATABASE_OPTIONS, find_database
from ..options.run import ARCHIVES, RUN_OPTIONS, run_of
from ..run_redis import Session, refuse_unwritable
from .export_info import reader, wanted, with_names

EXPORT_OPTIONS: t.Final = {
    "state": {"type": "str", "required": True, "choices": ["enqueued", "released", "restored"]},
    "backup_ids": {"type": "list", "elements": "int"},
    "user_ids": {"type": "list", "elements": "int"},
    "accounts": {"type": "list", "elements": "str"},
    "all": {"type": "bool", "default": False},
    "min_age": {"type": "str", "default": "2m"},
    "max_exports": {"type": "int"},
    "heartbeat_timeout": {"type": "float", "default": 75.0},
    "path": {"type": "path"},
    "archive_dir": {"type": "path", "default": ARCHIVES},
    **RUN_OPTIONS,
    **DATABASE_OPTIONS,
}
_CHOICES: t.Final = ("backup_ids", "user_ids", "accounts")


def edit_exports(session: Session) -> Result:
    """Put the jobs of orphans back, give their rows free, or put such rows back."""
    options = with_names(session.options)
    _check(options)
    run = run_of(options, session.check_mode)
    refuse_unwritable(read_snapshot(session.client, session.key, ("server",)), session)
    database = find_database(options).database
    if database is None:  # it is required, so it was found
        raise BadOption("The database cannot be asked.")
    if options["state"] == "restored":
        return _restore(session, database)
    min_age = seconds(options["min_age"], "min_age")
    seen = look(session.client, session.key, reader(database), options["heartbeat_timeout"])
    decisions = _decide(options, database, seen, min_age)
    meant = [decision for decision in decisions if decision.outcome == options["state"]]
    if options["max_exports"] is not None and len(meant) > options["max_exports"]:
        raise BadOption(
            f"{len(meant)} archives would be {options['state']}, more than max_exports ({options['max_exports']});"
            " nothing was touched."
        )
    record = None
    done = {decision.backup_id: decision for decision in meant}
    jids: dict[int, str] = {}
    if not session.check_mode and meant:
        if options["state"] == "enqueued":
            done, jids = _enqueue(session, seen, meant)
        else:
            done, record = _release(session, database, seen, meant, run)
    result = _result(
        session, database, [done.get(decision.backup_id, decision) for decision in decisions], jids, record
    )
    if options["state"] == "released" and meant:
        fleeting = warnings_for(options["archive_dir"], "archive_dir", "the record of the rows")
        result["warnings"] = [*result.get("warnings", ()), *fleeting]
    return result


def _check(options: t.Mapping[str, t.Any]) -> None:
    chosen = [name for name in _CHOICES if options[name]]
    if options["state"] == "restored":
        if not options["path"] or chosen or options["all"]:
            raise BadOption("state: restored needs path, the record of what was released, and takes no other choice.")
        return
    if options["path"]:
        raise BadOption("path belongs to state: restored.")
    if not chosen and not options["all"]:
        raise BadOption(f"Say which archives are meant: {', '.join(_CHOICES)}, or all: true for every orphan.")
    given = [name for name in _CHOICES if options[name] is not None]
    if given and options["all"]:
        raise BadOption(f"all: true and {given[0]} exclude each other.")
    if options["heartbeat_timeout"] < 0:
        raise BadOption("heartbeat_timeout must be 0 seconds or more.")


def _decide(options: t.Mapping[str, t.Any], database: Database, seen: Look, min_age: float) -> list[Decision]:
    chosen = [export for export in seen.joined.exports if wanted(options, export.backup_id, export.backup)]
    if options["all"]:
        chosen = [export for export in chosen if not export.jobs]
    ids = set(options["backup_ids"] or ()) - {export.backup_id for export in chosen}
    rows = {row.id: row for row in read_backups(database, ids)} if ids else {}
    others = {number: rows.get(number) for number in ids if number not in rows or wanted(options, number, rows[number])}
    return decide(options["state"], chosen, others, seen.backup_jobs.read_at, min_age)


def _enqueue(session: Session, seen: Look, meant: t.Sequence[Decision]) -> tuple[dict[int, Decision], dict[int, str]]:
    versions = [process.version for process in seen.backup_jobs.processes if process.alive]
    in_milliseconds = milliseconds(
        session.client, session.key, versions, read_release(session.options["mastodon_root"])
    )
    done, jids = {}, {}
    for decision in meant:
        jid, job = new_job(decision.backup_id, redis_time(session.client), in_milliseconds)
        answer = claim(session.client, session.key, decision.backup_id, seen.began, job)
        if answer == "done":
            jids[decision.backup_id] = jid
            done[decision.backup_id] = decision
        else:
            done[decision.backup_id] = replace(decision, outcome="unchanged", reason=answer)
    return done, jids


def _release(
    session: Session, database: Database, seen: Look, meant: t.Sequence[Decision], run: Run | None
) -> tuple[dict[int, Decision], str | None]:
    rows = read_whole(database, [decision.backup_id for decision in meant])
    directory = os.path.abspath(os.path.expanduser(session.options["archive_dir"]))
    released = write_released(directory, describe(database.settings), rows, seen.backup_jobs.read_at)
    with held(released.path):
        if run is not None:
            run.name_archive(released.path)
        claimed = {
            decision.backup_id: claim(session.client, session.key, decision.backup_id, seen.began) for decision in meant
        }
        gone = delete_unfinished(database, [number for number, answer in claimed.items() if answer == "done"])
        if not gone:
            if run is not None:
                run.forget_archive(released.path)
            os.unlink(released.path)
    done = {}
    for decision in meant:
        answer = claimed[decision.backup_id]
        if decision.backup_id in gone:
            done[decision.backup_id] = decision
        else:
            done[decision.backup_id] = replace(
                decision,
                outcome="kept" if answer == "has_job" else "unchanged",
                reason="gone" if answer == "done" else answer,
            )
    return done, released.path if gone else None


def _restore(session: Session, database: Database) -> Result:
    path = os.path.expanduser(session.options["path"])
    refuse_held(path)
    released = read_released(path)
    here = describe(database.settings)
    if released.database != here:
        raise BadOption(
            f"The record of released rows {released.path} is of the database {released.database}, this is {here}."
        )
    rows = [row for row in released.rows if row["id"] not in released.restored]
    back = insert_rows(database, rows, check=session.check_mode) if rows else []
    if not session.check_mode and rows:
        mark_restored(released, back)
    there = {row.id: row for row in read_backups(database, [row["id"] for row in released.rows])}
    decisions = []
    for row in released.rows:
        number = row["id"]
        if number in back:
            decisions.append(Decision(number, "restored", None, there.get(number)))
        elif number in released.restored or number in there:
            decisions.append(
                Decision(
                    number,
                    "unchanged",
                    "restored_before" if number in released.restored else "there",
                    there.get(number),
                )
            )
        else:
            decisions.append(Decision(number, "kept", "no_user"))
    return _result(session, database, decisions, {}, released.path)


def _result(
    session: Session,
    database: Database,
    decisions: t.Sequence[Decision],
    jids: t.Mapping[int, str],
    record: str | None,
) -> Result:
    counts = Counter(decision.outcome for decision in decisions)
    changed = [decision for decision in decisions if decision.outcome == session.options["state"]]
    after = {"enqueued": "waiting", "released": "gone", "restored": "orphaned"}[session.options["state"]]
    before = "gone" if session.options["state"] == "restored" else "orphaned"
    return {
        "changed": bool(changed),
        "server": session.server,
        "database": describe(database.settings),
        "matched": len(decisions),
        "edited": len(changed),
        "unchanged": counts["unchanged"],
        "kept": dict(
            sorted(Counter(decision.reason or "?" for decision in decisions if decision.outcome == "kept").items())
        ),
        "exports": [
            {
                "backup_id": decision.backup_id,
                "user_id": decision.row.user_id if decision.row else None,
                "account": decision.row.account if decision.row else None,
                "outcome": decision.outcome,
                "reason": decision.reason,
                "jid": jids.get(decision.backup_id),
            }
            for decision in decisions
        ],
        "record": record,
        "diff": {
            "before": {"exports": {str(decision.backup_id): before for decision in changed}},
            "after": {"exports": {str(decision.backup_id): after for decision in changed}},
        },
    }
