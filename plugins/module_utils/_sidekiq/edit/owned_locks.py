# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The unique locks (sidekiq-unique-jobs) that jobs hold themselves."""

from __future__ import annotations

import typing as t

from ..archive.format import MOST
from ..keys import Keys
from ..redis.batch import Batch
from ..state.job import Job

RUN: t.Final = ":RUN"
"""Ends the name of a lock that is held only while the job runs."""


def lock_names(digest: str) -> tuple[str, str]:
    """The two locks of a digest: while the job waits, and while it runs."""
    base = digest[: -len(RUN)] if digest.endswith(RUN) else digest
    return base, f"{base}{RUN}"


def read_owned_locks(client: t.Any, key: Keys, jobs: t.Sequence[Job]) -> dict[int, dict[str, t.Any]]:
    """Index of a job -> the lock that it holds; not those that are meant to outlive the job (until_expired)."""
    batch = Batch(client)
    asked = {}
    for index, job in enumerate(jobs):
        digest = job.lock_digest
        jid = job.jid if digest else None
        if digest and jid and job.payload.get("lock") != "until_expired":
            holders = [key(name, ":LOCKED") for name in lock_names(digest)]
            asked[index] = [(batch.ask("hexists", name, jid), batch.ask("pttl", name)) for name in holders]
    batch.send()
    owned = {}
    for index, answers in asked.items():
        times = [int(ttl.get(0)) for held, ttl in answers if held.get(0)]
        if times:
            job = jobs[index]
            owned[index] = {"digest": job.lock_digest, "jid": job.jid, "ttl_ms": min(MOST, max(0, *times))}
    return owned
