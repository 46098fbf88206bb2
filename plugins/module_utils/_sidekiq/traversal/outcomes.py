# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What has become of jobs that were enqueued a moment ago: each waits, runs, has failed, or is nowhere and so has finished.

A job is nowhere, too, from when it leaves its queue until the next heartbeat of its process. So `finished` is certain only
when it still holds after every process has sent a heartbeat, see `heartbeats`.
"""

from __future__ import annotations

import typing as t

from ..keys import SETS, Keys
from ..redis.batch import run_reader
from ..state.job import Job, parse
from ..state.process import read_processes
from .location import Place, queue_places
from .prefilter import Needles

OUTCOMES: t.Final = ("finished", "failed", "running", "waiting", "later")
"""`later`: in the retry or the scheduled set, not due yet, and not tried since."""

OPEN: t.Final = ("running", "waiting")
"""Those that will become another outcome by themselves."""

_PRECEDENCE: t.Final = {"failed": 0, "running": 1, "waiting": 2, "later": 3}


def outcomes_of(client: t.Any, key: Keys, jids: t.Collection[str], since: float, now: float) -> dict[str, str]:
    """The outcome of each jid. `since`: epoch seconds; a failure before it does not count. `now`: of Redis' clock.

    Queues, then what runs, then the sets: the way that such a job goes, so that it is not missed on its way.
    """
    wanted = set(jids)
    found: dict[str, str] = {}
    for job, outcome in _sightings(client, key, wanted, now) if wanted else ():
        if job.jid not in wanted:
            continue
        seen = "failed" if _failed_since(job, since) else outcome
        found[job.jid] = min(seen, found.get(job.jid, seen), key=_PRECEDENCE.__getitem__)
    return {jid: found.get(jid, "finished") for jid in wanted}


def count(outcomes: t.Iterable[str]) -> dict[str, int]:
    """How many there are of each outcome, of all kinds."""
    counts = dict.fromkeys(OUTCOMES, 0)
    for outcome in outcomes:
        counts[outcome] += 1
    return counts


def _sightings(client: t.Any, key: Keys, jids: t.Collection[str], now: float) -> t.Iterator[tuple[Job, str]]:
    needles = Needles([jid.encode() for jid in jids])
    for place in queue_places(client, key):
        for _position, raw, _score in place.members(client, key, needles):
            yield parse(raw), "waiting"
    _processes, work = run_reader(client, lambda batch: read_processes(batch, key, lambda: now))
    for running in work:
        yield running.job, "running"
    for name in SETS:
        for _position, raw, score in Place(name).members(client, key, needles):
            yield parse(raw), "failed" if name == "dead" else "later" if (score or 0.0) > now else "waiting"


def _failed_since(job: Job, since: float) -> bool:
    return any(moment is not None and moment >= since for moment in (job.failed_at, job.retried_at))
