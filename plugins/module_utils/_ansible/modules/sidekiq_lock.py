# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module for unique locks does."""

from __future__ import annotations

import re
import typing as t
from collections import Counter

from ..._mastodon.jobs.names import parse_names
from ..._sidekiq.duration import seconds
from ..._sidekiq.edit.unique_locks import Lock, audit, free
from ..._sidekiq.errors import BadOption, at_least
from ..._sidekiq.globs import glob_matcher
from ..._sidekiq.keys import SETS
from ..._sidekiq.state.snapshot import read_snapshot
from ..._sidekiq.traversal.location import Place, check_types, queue_places
from ..ending import Result
from ..run_redis import Session, refuse_unwritable

LOCK_OPTIONS: t.Final = {
    "state": {"type": "str", "choices": ["absent"], "default": "absent"},
    "digests": {"type": "list", "elements": "str", "default": ["*"]},
    "min_age": {"type": "str", "default": "5m"},
    "max_locks": {"type": "int"},
    "heartbeat_timeout": {"type": "str", "default": "15s"},
    "force": {"type": "bool", "default": False},
}
_LISTED = 100


def free_locks(session: Session) -> Result:
    """Free the locks whose jobs are gone."""
    options = session.options
    min_age = seconds(options["min_age"], "min_age")
    heartbeat_timeout = seconds(options["heartbeat_timeout"], "heartbeat_timeout")
    at_least(0, "max_locks", options["max_locks"])
    snapshot = read_snapshot(session.client, session.key, ("server",))
    refuse_unwritable(snapshot, session)
    digests, _warnings = parse_names("digests", "digests", options["digests"])
    if options["force"] and any(re.fullmatch(r"(?:uniquejobs:)?[*?]*", digest) for digest in digests):
        raise BadOption("force frees locks of living jobs, so it needs digests that name them.")
    check_types(session.client, session.key, [*queue_places(session.client, session.key), *map(Place, SETS)])
    report = audit(
        session.client, session.key, snapshot.taken_at, min_age, 0.0 if options["force"] else heartbeat_timeout
    )
    orphaned = {lock.digest for lock in report.orphaned}
    uncertain = {lock.digest for lock in report.uncertain}
    is_meant = glob_matcher(digests)
    meant = [lock for lock in report.locks if is_meant(lock.digest)]
    kept: Counter[str] = Counter()
    wanted: list[Lock] = []
    for lock in meant:
        reason = (
            None
            if options["force"] or lock.digest in orphaned
            else _why_kept(lock, snapshot.taken_at - min_age, uncertain)
        )
        if reason:
            kept[reason] += 1
        else:
            wanted.append(lock)
    if options["max_locks"] is not None and len(wanted) > options["max_locks"]:
        raise BadOption(
            f"{len(wanted)} locks would be freed, more than max_locks ({options['max_locks']}); nothing was touched."
        )
    freed = len(wanted) if session.check_mode else free(session.client, session.key, wanted)
    return {
        "changed": freed > 0,
        "server": session.server,
        "total": len(report.locks),
        "matched": len(meant),
        "freed": freed,
        "kept": dict(sorted(kept.items())),
        "silent_processes": [] if options["force"] else list(report.silent),
        "digests": [lock.digest for lock in wanted[:_LISTED]],
        "diff": {"before": {"locks": len(report.locks)}, "after": {"locks": len(report.locks) - len(wanted)}},
    }


def _why_kept(lock: Lock, young_since: float, uncertain: t.Collection[str]) -> str:
    if lock.outlives:
        return "outlives_job"
    if lock.locked_at is None or lock.locked_at >= young_since:
        return "young"
    if lock.digest in uncertain:
        return "uncertain"
    return "live"
