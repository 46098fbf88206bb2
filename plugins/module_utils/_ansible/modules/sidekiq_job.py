# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the modules that work on jobs do."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import os
import time
import typing as t
from dataclasses import asdict

from ..._mastodon.host.container import warnings_for
from ..._mastodon.jobs.count import Count, count_jobs
from ..._mastodon.jobs.edit import apply, settle, subtract_kept
from ..._mastodon.jobs.edit_plan import Limits, Plan, plan_edit
from ..._mastodon.jobs.fields import FIELDS, describe_job
from ..._mastodon.jobs.histograms import Tally
from ..._mastodon.jobs.names import parse_name
from ..._mastodon.jobs.selected import Selected, selected, without_oldest
from ..._mastodon.jobs.selector import Selector
from ..._mastodon.runbook.edits import Run
from ..._sidekiq.archive.format import Entry
from ..._sidekiq.archive.reader import Archive
from ..._sidekiq.archive.spool import Spool
from ..._sidekiq.duration import seconds
from ..._sidekiq.edit.extract import TAKEN, Outcome, Taker
from ..._sidekiq.edit.job_archive import JobArchive
from ..._sidekiq.edit.restore import Restorer
from ..._sidekiq.edit.transition import EditRequest
from ..._sidekiq.errors import BadOption, at_least
from ..._sidekiq.file_lock import refuse_held
from ..._sidekiq.keys import SETS
from ..._sidekiq.redis.clock import redis_time
from ..._sidekiq.state.job import parse
from ..._sidekiq.state.snapshot import Snapshot, read_snapshot
from ..._sidekiq.times import iso
from ..._sidekiq.traversal.location import Place, check_types, place_named
from ..ending import Result
from ..options.run import ARCHIVES, RUN_OPTIONS, run_of
from ..options.selector import criteria_from_options, selector_argument_spec
from ..run_redis import Session, refuse_unwritable

_NAMED: t.Final = 10_000
"""Ids that are returned at most."""

INFO_OPTIONS: t.Final = {
    **selector_argument_spec(),
    "limit": {"type": "int", "default": 20},
    "sort": {"type": "str", "choices": ["oldest", "newest", "attempts"], "default": "oldest"},
    "show_args": {"type": "bool", "default": False},
}

JOB_OPTIONS: t.Final = {
    "state": {
        "type": "str",
        "required": True,
        "choices": ["absent", "enqueued", "dead", "moved", "rescheduled", "unique"],
    },
    **selector_argument_spec(),
    "to_queue": {"type": "str"},
    "at": {"type": "str"},
    "in": {"type": "str"},
    "spread": {"type": "str"},
    "max_jobs": {"type": "int"},
    "limit": {"type": "int"},
    "time_limit": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "archive_dir": {"type": "path", "default": ARCHIVES},
    **RUN_OPTIONS,
}

ARCHIVE_OPTIONS: t.Final = {
    "state": {"type": "str", "choices": ["restored"], "default": "restored"},
    "path": {"type": "path", "required": True},
    **selector_argument_spec(),
    "limit": {"type": "int"},
    "force": {"type": "bool", "default": False},
}


def job_info(session: Session) -> Result:
    """Counts, and some of the jobs."""
    options, now = session.options, redis_time(session.client)
    at_least(0, "limit", options["limit"])
    selector = Selector(criteria_from_options(options), now)
    count = Count(selector, now, options["limit"], options["sort"])
    places = selector.places(session.client, session.key)
    check_types(session.client, session.key, places)
    count_jobs(session.client, session.key, places, count)
    repeated = list(count.numbers.repeated())
    return {
        "changed": False,
        "server": session.server,
        "total": count.tally.total,
        **count.tally.histograms(),
        "oldest_at": iso(count.oldest),
        "newest_at": iso(count.newest),
        "duplicates": {
            "groups": len(repeated),
            "jobs": sum(count for _number, count in repeated),
            "removable": sum(count - 1 for _number, count in repeated),
        },
        "jobs": [_listed(selected_job, options["show_args"]) for selected_job in count.first()],
        "warnings": selector.warnings,
    }


def edit_jobs(session: Session) -> Result:
    """Plan an edit; outside check mode carry it out, archive first."""
    options, began = session.options, time.monotonic()
    for name in ("limit", "max_jobs"):
        at_least(0, name, options[name])
    time_limit = None if options["time_limit"] is None else seconds(options["time_limit"], "time_limit")
    run = run_of(options, session.check_mode)
    snapshot = read_snapshot(session.client, session.key, ("processes", "server"))
    refuse_unwritable(snapshot, session)
    request = _edit_request(options, snapshot)
    criteria = criteria_from_options(options)
    criteria.check_selects()
    selector = Selector(criteria, request.now)
    places = selector.places(session.client, session.key)
    check_types(session.client, session.key, [*places, *_targets(request)])
    if not session.check_mode:
        settle(session.client, session.key, places)

    def jobs() -> t.Iterator[Selected]:
        return selected(session.client, session.key, selector, places)

    meant = without_oldest(jobs) if request.state == "unique" else jobs()
    limits = Limits(options["limit"], options["max_jobs"], options["force"])
    edit_plan = Plan(Tally(request.now))
    pages = plan_edit(session.client, session.key, meant, request, limits, edit_plan)
    if session.check_mode:
        for _page in pages:
            pass
        result = _planned(session, edit_plan)
    else:
        deadline = None if time_limit is None else began + time_limit
        result = _carry_out(session, request, run, pages, edit_plan, deadline)
    result["duration"] = round(time.monotonic() - began, 3)
    fleeting = warnings_for(options["archive_dir"], "archive_dir", "the job archive") if result["changed"] else []
    result["warnings"] = [*selector.warnings, *fleeting]
    if request.at is not None and request.at < request.now:
        result["warnings"] = [*result["warnings"], f"at: {options['at']} is past; these jobs run as soon as they can."]
    return result


def restore(session: Session) -> Result:
    """Put back what an archive holds and what the selector picks of it, each job once."""
    options, now = session.options, redis_time(session.client)
    limit, remaining = options["limit"], 0
    at_least(1, "limit", limit)
    criteria = criteria_from_options(options)
    selector = None if criteria.empty else Selector(criteria, now)
    if selector is not None:
        selector.places(session.client, session.key)
    snapshot = read_snapshot(session.client, session.key, ("server",))
    refuse_unwritable(snapshot, session)
    path = os.path.expanduser(options["path"])
    refuse_held(path)
    archive = Archive(path)
    if archive.header.key_prefix != session.key.prefix:
        raise BadOption(
            f"The archive {archive.path} was made with key_prefix {archive.header.key_prefix!r}, this task has {session.key.prefix!r}."
        )
    restorer = Restorer(session.client, session.key, archive, now, session.server, options["force"])
    tally = Tally(now)

    def wanted(entry: Entry) -> bool:
        if selector is None:
            return True
        if not selector.needles.possible(entry.raw):
            return False
        place = place_named(entry.place)
        return selector.covers(place) and selector.match(entry.raw, place, entry.score, entry.position) is not None

    last = None
    jids: list[str] = []
    for number, entry in restorer.pending(wanted):
        if limit is not None and tally.total == limit:
            remaining += 1
            continue
        job = parse(entry.raw)
        tally.add(job, place_named(entry.place), entry.score)
        if limit is not None and len(jids) < _NAMED and _is_jid(job.jid):
            jids.append(str(job.jid))
        last = number
    check_types(session.client, session.key, map(place_named, sorted(restorer.places)))
    counts = asdict(restorer.result)
    result: Result = {
        "changed": tally.total > 0,
        "server": session.server,
        "archive": archive.path,
        "total": archive.count,
        "restored": tally.total,
        "not_taken": counts["not_taken"],
        "already_restored": counts["already"],
        "moved_on": 0,
        "remaining": remaining,
        "locks_taken": 0,
        "jids": jids,
        "began_epoch": round(now, 3),
        **tally.histograms(),
        "warnings": list(selector.warnings) if selector else [],
    }
    if not session.check_mode:
        restorer.settle()
    if not session.check_mode and tally.total:
        restorer.restore(wanted, last)
        done = restorer.result
        result.update(
            changed=done.restored > 0, restored=done.restored, moved_on=done.moved_on, locks_taken=done.locks_taken
        )
    return result


def _is_jid(jid: str | None) -> bool:
    """Whether other modules take it as the id of a job: a member of Redis may hold anything."""
    try:
        return jid is not None and parse_name("jids", "jids", jid) == jid
    except BadOption:
        return False


def _edit_request(options: t.Mapping[str, t.Any], snapshot: Snapshot) -> EditRequest:
    state, now = options["state"], snapshot.taken_at
    if (state == "moved") != bool(options["to_queue"]):
        raise BadOption("to_queue belongs to state: moved, which needs it.")
    given = [name for name in ("at", "in") if options[name] is not None]
    if (state == "rescheduled") != (len(given) == 1):
        raise BadOption("state: rescheduled needs either at or in; no other state takes them.")
    spread = 0.0 if options["spread"] is None else seconds(options["spread"], "spread")
    if spread and state not in ("enqueued", "rescheduled"):
        raise BadOption("spread belongs to state: enqueued and state: rescheduled.")
    at = None
    if options["in"] is not None:
        at = now + seconds(options["in"], "in")
    elif options["at"] is not None:
        at = _moment(options["at"])
    return EditRequest(
        state,
        now,
        to_queue=options["to_queue"] or "",
        at=at,
        at_is_relative=options["in"] is not None,
        spread=spread,
        versions=tuple(process.version for process in snapshot.alive),
        polled=any(not process.quiet for process in snapshot.alive),
    )


def _targets(request: EditRequest) -> list[Place]:
    """Where the jobs may go, beside the queues that they name themselves."""
    return [*map(Place, SETS), *([Place("queues", request.to_queue.encode())] if request.to_queue else [])]


def _moment(written: str) -> float:
    """Epoch seconds of ISO 8601 (without a zone: UTC) or of a number of epoch seconds."""
    try:
        moment = float(written)
    except ValueError:
        moment = _iso_moment(written)
    if not 1e9 <= moment < 1e10:  # nor is that a year, a date without dashes, milliseconds, inf or nan
        raise BadOption(
            f"at: {written!r} is no time between 2001 and 2286; write it as 2026-11-22T18:00:00Z, or in epoch seconds (ten digits)."
        )
    return moment


def _iso_moment(written: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(written.replace("Z", "+00:00"))
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)).timestamp()


def _planned(session: Session, edit_plan: Plan) -> Result:
    edited = edit_plan.edited.total
    before, after = _before_and_after(edit_plan)
    return {
        "changed": edited > 0,
        "server": session.server,
        "matched": edit_plan.matched,
        "edited": edited,
        "gone": 0,
        "unchanged": edit_plan.unchanged,
        "kept": dict(sorted(edit_plan.kept.items())),
        "remaining": edit_plan.matched - edited - edit_plan.unchanged,
        "complete": edit_plan.complete,
        **edit_plan.edited.histograms(),
        "archive": None,
        "locks_freed": len(edit_plan.freed),
        "diff": {"before": before, "after": after},
    }


def _carry_out(
    session: Session,
    request: EditRequest,
    run: Run | None,
    pages: t.Iterable[list[Entry]],
    edit_plan: Plan,
    deadline: float | None,
) -> Result:
    """Write the jobs to an archive as they are planned, seal it, and only then edit them."""
    directory, now = session.options["archive_dir"], request.now
    with (
        JobArchive(session.client, session.key, directory, session.server, request.state, now, run) as archive,
        contextlib.closing(Spool(archive.directory)) as spool,
    ):
        for entries in pages:
            spool.add(archive.add(entries), entries)
        archive.seal()
        result = _planned(session, edit_plan)
        if archive.count:
            taker = Taker(session.client, session.key, TAKEN + archive.id, deadline)
            _edit(session, archive, spool, taker, edit_plan)
            result.update(_edited(archive, taker.outcome, edit_plan))
    return result


def _edit(session: Session, archive: JobArchive, spool: Spool, taker: Taker, edit_plan: Plan) -> None:
    try:
        taken = apply(archive, spool, taker)
        subtract_kept(edit_plan, spool, taker.outcome, taken)
    except BaseException:
        session.progress.update(
            changed=taker.outcome.taken > 0, edited=taker.outcome.taken, archive=archive.path, complete=False
        )
        raise


def _edited(archive: JobArchive, outcome: Outcome, edit_plan: Plan) -> Result:
    """What an edit did, where that differs from its plan."""
    before, after = _before_and_after(edit_plan)
    return {
        "diff": {"before": before, "after": after},
        "changed": outcome.taken > 0,
        "edited": outcome.taken,
        "gone": len(outcome.gone),
        "remaining": edit_plan.matched - outcome.taken - len(outcome.gone) - edit_plan.unchanged,
        "complete": edit_plan.complete and outcome.complete,
        "locks_freed": outcome.locks_freed,
        "archive": archive.path if outcome.taken else None,
        **edit_plan.edited.histograms(),
    }


def _before_and_after(edit_plan: Plan) -> tuple[Result, Result]:
    """The jobs that change, before and after: by set, queue, class and domain; never their arguments."""
    edited = edit_plan.edited.histograms()
    before = {name: edited[f"by_{name}"] for name in ("set", "queue", "class", "domain")}
    sets: dict[str, int] = {}
    queues: dict[str, int] = {}
    for target, count in edit_plan.after.items():
        if target:
            place = place_named(target)
            sets[place.set] = sets.get(place.set, 0) + count
            if place.is_queue:
                queues[target[6:]] = count
    after: Result = {"set": {**dict.fromkeys(before["set"], 0), **sets}}
    after["queue"] = {**dict.fromkeys(before["queue"], 0), **queues}
    left = sum(sets.values())
    for name in ("class", "domain"):
        after[name] = dict(before[name]) if left else dict.fromkeys(before[name], 0)
    return before, after


def _listed(selected_job: Selected, show_args: bool) -> Result:
    return describe_job(
        selected_job.job, selected_job.place, selected_job.score, selected_job.position, FIELDS if show_args else None
    )
