# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Rules about jobs that wait for their time: retries, scheduled and recurring jobs, deaths, locks, broken members."""

from __future__ import annotations

import typing as t

from ..._sidekiq.humanize import duration
from .finding import Finding
from .view import RESTART, View, jobs, most, task

_LEAST_RETRIES = 50


def due_not_moving(view: View) -> t.Iterator[Finding]:
    """The poller of any process that is not quiet moves due jobs within some seconds."""
    for name in ("retry", "scheduled"):
        found = (view.snapshot.sets or {}).get(name)
        if found is None or not found.due or found.oldest_at is None:
            continue
        late = view.snapshot.taken_at - found.oldest_at
        if late <= view.limits.due_late:
            continue
        yield Finding(
            "retries_not_moving" if name == "retry" else "scheduled_not_moving",
            "critical" if late > 10 * view.limits.due_late else "warning",
            f"set {name}",
            f"{jobs(found.due)} {'is' if found.due == 1 else 'are'} due, the first for {duration(late)}: nobody polls this set.",
            f"A process that is not quiet polls it: systemctl status {view.unit}. If one runs and does not poll:"
            f" {RESTART}. Ghosts in the registry make all of them poll more slowly.",
            {"due": found.due, "overdue_by": late},
        )


def recurring_overdue(view: View) -> t.Iterator[Finding]:
    """Recurring jobs whose time has passed."""
    late = sorted(
        (job for job in view.snapshot.schedule or () if job.overdue_by > view.limits.recurring_late),
        key=lambda job: -job.overdue_by,
    )
    if late:
        names = ", ".join(job.name for job in late[:3]) + (", ..." if len(late) > 3 else "")
        yield Finding(
            "recurring_overdue",
            "critical" if len(late) > 1 else "warning",
            "schedule",
            f"{jobs(len(late))} of the recurring schedule overdue, by up to {duration(late[0].overdue_by)}: {names}.",
            "Only a process that serves the queue scheduler enqueues them: exactly one must, and must not be quiet. To restart it:"
            f" {RESTART}.",
            {"overdue": {job.name: job.overdue_by for job in late}},
        )


def domain_fills_retry(view: View) -> t.Iterator[Finding]:
    """One remote server has most of the retries: it is down, or blocks us."""
    total = view.survey.retry_read
    for domain, count in view.survey.retry_domains.most_common(1):
        if total < _LEAST_RETRIES or count <= total * view.limits.domain_share:
            continue
        yield Finding(
            "domain_fills_retry",
            "warning",
            f"domain {domain}",
            f"{count:,} of {total:,} retries are for {domain} (errors of all retries: {most(view.survey.retry_errors)}).",
            f"If {domain} is gone: Moderation > Federation > {domain} > Stop delivery. If it is only slow,"
            " leave it: deliveries are tried again for two to three days.",
            {
                "retries": count,
                "total": total,
                "domains": dict(view.survey.retry_domains.most_common(5)),
                "errors": dict(view.survey.retry_errors.most_common(5)),
            },
        )


def deaths(view: View) -> t.Iterator[Finding]:
    """How many jobs died in the last hour. The size of the dead set says nothing: it keeps half a year."""
    if view.survey.deaths > view.limits.deaths_per_hour:
        yield Finding(
            "deaths_recent",
            "warning",
            "set dead",
            f"{jobs(view.survey.deaths)} died in the last hour: {most(view.survey.death_causes)}.",
            "Mend the cause of the most frequent error first; then"
            f" {task('sidekiq_job', 'state=enqueued sets=dead newer_than=1h spread=10m')}.",
            {"last_hour": view.survey.deaths, "causes": dict(view.survey.death_causes.most_common(5))},
        )


def orphaned_locks(view: View) -> t.Iterator[Finding]:
    """Unique locks whose job is gone: the same work is silently not enqueued until they expire (up to 50 days)."""
    report = view.survey.locks
    if report and report.orphaned:
        oldest = min(lock.locked_at for lock in report.orphaned if lock.locked_at is not None)
        age = view.snapshot.taken_at - oldest
        yield Finding(
            "locks_orphaned",
            "warning",
            "unique locks",
            f"{len(report.orphaned):,} of {len(report.locks):,} unique locks belong to no job any more, the oldest for {duration(age)}:"
            " the same jobs are silently not enqueued.",
            f"{task('sidekiq_lock', 'state=absent')}. The gem's own reaper does not run while more than 1,000 jobs are queued.",
            {
                "orphaned": len(report.orphaned),
                "uncertain": len(report.uncertain),
                "total": len(report.locks),
                "oldest_age": age,
            },
        )


def malformed(view: View) -> t.Iterator[Finding]:
    """Members that are no job; one that is JSON null ends the Web UI's listing of the set with an error."""
    if view.survey.malformed:
        number = sum(view.survey.malformed.values())
        yield Finding(
            "malformed_members",
            "notice",
            "members",
            f"{number:,} member{' is' if number == 1 else 's are'} no job: {most(view.survey.malformed)}.",
            "They do no harm in dead; in a queue each costs a process one error and ends in dead. To take them out: "
            f"{task('sidekiq_job', 'state=absent malformed=true')}.",
            {"places": dict(view.survey.malformed)},
        )


def unread(view: View) -> t.Iterator[Finding]:
    """The limit was reached, so some rules saw only a part."""
    if view.survey.unread:
        yield Finding(
            "survey_incomplete",
            "notice",
            "survey",
            f"{sum(view.survey.unread.values()):,} jobs were not read (more than survey_limit in {', '.join(sorted(view.survey.unread))}):"
            " shares, archives and locks may be worse than shown.",
            "Raise survey_limit; a million jobs take some ten seconds.",
            {"unread": dict(view.survey.unread)},
        )
