# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Rules about archives that people asked for ("exports")."""

from __future__ import annotations

import typing as t

from ..._sidekiq.humanize import duration
from ..jobs.worker_classes import BACKUP_WORKER
from .finding import Finding
from .survey import Export
from .view import View, jobs, most, runbook, task


def export_waiting(view: View) -> t.Iterator[Finding]:
    """An archive stands behind many jobs of its queue, or has waited for long."""
    for export in _at(view, "queue"):
        since = export.job.enqueued_at or export.job.created_at
        waited = max(0.0, view.snapshot.taken_at - since) if since else 0.0
        ahead = export.ahead or 0
        if ahead <= view.limits.queue_size_critical and waited <= view.limits.export_wait:
            continue
        classes = view.survey.queue_classes.get(export.job.queue or "pull")
        yield Finding(
            "export_waiting",
            "warning",
            f"archive job {export.job.jid}",
            f"An archive has waited {duration(waited)} behind {jobs(ahead)} of the queue {export.job.queue or 'pull'}"
            + (f" (mostly {most(classes, 1)})." if classes else "."),
            f"If 1,000 jobs or more stand before it, this starts a worker for pull, for a time: {runbook('export_rescue')}. For good: a process"
            " of its own for pull (fediverse.mastodon.workers). Raising weights hardly helps: they only order what is looked at first.",
            {"jid": export.job.jid, "waited": waited, "ahead": ahead},
        )


def export_retrying(view: View) -> t.Iterator[Finding]:
    """A failed archive tries again for some ten minutes; then Mastodon deletes its row and the user sees nothing."""
    for export in _at(view, "retry"):
        job = export.job
        again = (
            ""
            if export.due_at is None
            else f"; next try in {duration(max(0.0, export.due_at - view.snapshot.taken_at))}"
        )
        yield Finding(
            "export_retrying",
            "warning",
            f"archive job {job.jid}",
            f"An archive failed {job.attempts} time{'' if job.attempts == 1 else 's'} with {job.error_class or 'an unknown error'}{again}."
            " After the 5th retry it is dropped without a trace.",
            "Mend the cause now (space in the temporary directory and where archives are kept: df -h; for S3 its time-outs); the user need not ask again.",
            {"jid": job.jid, "attempts": job.attempts, "error_class": job.error_class, "due_at": export.due_at},
        )


def export_duplicated(view: View) -> t.Iterator[Finding]:
    """More than one job for the same archive: each builds all of it, and the last to end deletes the others' work."""
    archives: dict[str, list[Export]] = {}
    for export in view.survey.exports:
        archives.setdefault(export.archive, []).append(export)
    for same in archives.values():
        jids = {export.job.jid for export in same}  # a job can be seen twice while it moves
        if len(jids) > 1:
            places = ", ".join(sorted({export.place for export in same}))
            yield Finding(
                "export_duplicated",
                "warning",
                "archive jobs",
                f"{len(jids)} jobs build the same archive ({places}).",
                f"Keep the oldest: {task('sidekiq_job', f'state=unique classes={BACKUP_WORKER}')}.",
                {"jids": sorted(jid or "?" for jid in jids), "places": [export.place for export in same]},
            )


def _at(view: View, place: str) -> t.Iterator[Export]:
    return (export for export in view.survey.exports if export.place == place)
