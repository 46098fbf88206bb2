# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Where a job is that ran a moment ago: back in a queue, failed, or run by another process."""

from __future__ import annotations

import typing as t

from ..keys import SETS, Keys
from ..redis.batch import run_reader
from ..state.job import Job, parse
from ..state.process import read_processes
from .location import Place, queue_places
from .prefilter import Needles

RUNNING: t.Final = "running"


def name_of(job: Job) -> str | bytes:
    """What stays the same when Sidekiq writes a job anew."""
    return job.jid or job.raw


def whereabouts(client: t.Any, key: Keys, jobs: t.Sequence[Job], but: str) -> dict[str | bytes, list[str]]:
    """The places (see `Place.name`) or `RUNNING` of jobs that are anywhere but in the process `but`, by `name_of`.

    As often as it is found: two jobs may have one jid. A job that another process has just fetched is seen with the next heartbeat of that one only.
    """
    jids = [job.jid for job in jobs]
    needles = Needles([jid.encode() for jid in jids if jid]) if all(jids) else Needles()
    own = [Place("queues", job.queue.encode()) for job in jobs if job.queue]  # registered or not
    return _search(client, key, {name_of(job) for job in jobs}, needles, but, own)


def find_jids(client: t.Any, key: Keys, jids: t.Collection[str]) -> dict[str | bytes, str]:
    """The first place of jobs of which only the jid is known."""
    found = _search(client, key, set(jids), Needles([jid.encode() for jid in jids]), "")
    return {jid: places[0] for jid, places in found.items()}


def _search(
    client: t.Any,
    key: Keys,
    wanted: t.Collection[str | bytes],
    needles: Needles,
    but: str,
    more: t.Sequence[Place] = (),
) -> dict[str | bytes, list[str]]:
    if not wanted:
        return {}
    found: dict[str | bytes, list[str]] = {}
    _processes, work = run_reader(client, lambda batch: read_processes(batch, key, lambda: 0.0))
    for running in work:
        if running.identity != but and name_of(running.job) in wanted:
            found.setdefault(name_of(running.job), []).append(RUNNING)
    for place in dict.fromkeys([*queue_places(client, key), *more, *map(Place, SETS)]):
        for _position, raw, _score in place.members(client, key, needles):
            name = name_of(parse(raw))
            if name in wanted:
                found.setdefault(name, []).append(place.name)
    return found
