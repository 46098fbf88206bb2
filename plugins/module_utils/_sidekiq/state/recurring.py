# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Recurring jobs: sidekiq-scheduler (Mastodon's) and sidekiq-cron.

sidekiq-scheduler keeps no heartbeat. `next_times` moves only when somebody ticks, so a time in the past is the proof
that nobody does; `last_times` moves even for disabled jobs and proves nothing (sidekiq-scheduler redis_manager.rb).
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..keys import Keys
from ..redis.batch import Batch, Reader
from ..text import text, text_or_none
from ..times import ruby_time
from .job import parse

_CRON_SETS = ("cron_jobs", "cron_jobs:default")  # sidekiq-cron 1.x, 2.x


@dataclass(frozen=True)
class Recurring:
    """A recurring job; times in epoch seconds. `overdue_by`: seconds since it should have been enqueued, 0 if it is not late."""

    name: str
    source: str
    worker_class: str | None
    queue: str | None
    enabled: bool
    last_at: float | None
    next_at: float | None
    overdue_by: float


def read_schedule(batch: Batch, key: Keys, now: t.Callable[[], float]) -> Reader[list[Recurring]]:
    """Recurring jobs by name; two round trips."""
    config, states, last, following = (
        batch.ask("hgetall", key(name))
        for name in (
            "schedules",
            "sidekiq-scheduler:states",
            "sidekiq-scheduler:last_times",
            "sidekiq-scheduler:next_times",
        )
    )
    registries = [batch.ask("smembers", key(name)) for name in _CRON_SETS]
    yield
    # the members are keys, and redis-namespace does not prefix members
    members = sorted({member for registry in registries for member in registry.get(())})
    crons = [(member, batch.ask("hgetall", key(member))) for member in members]
    yield
    found = [
        _scheduler_job(name, stored, states.get({}), last.get({}), following.get({}), now())
        for name, stored in sorted(config.get({}).items())
    ]
    return found + [_cron_job(member, answer.get({})) for member, answer in crons]


def _scheduler_job(
    name: bytes,
    stored: bytes,
    states: t.Mapping[bytes, bytes],
    last: t.Mapping[bytes, bytes],
    following: t.Mapping[bytes, bytes],
    now: float,
) -> Recurring:
    config = parse(stored).payload
    state = parse(states[name]).payload if name in states else {}
    enabled = state.get("enabled", config.get("enabled", True)) is not False
    next_at = ruby_time(following.get(name))
    late = max(0.0, now - next_at) if enabled and next_at is not None else 0.0
    return Recurring(
        text(name),
        "sidekiq-scheduler",
        text_or_none(config.get("class")),
        text_or_none(config.get("queue")),
        enabled,
        ruby_time(last.get(name)),
        next_at,
        late,
    )


def _cron_job(member: bytes, fields: t.Mapping[bytes, bytes]) -> Recurring:
    """sidekiq-cron: its cron lines are fugit's, which we do not compute, so its next time is unknown."""
    name = fields.get(b"name")
    return Recurring(
        text(name) if name else text(member).rsplit(":", 1)[-1],
        "sidekiq-cron",
        text(fields[b"klass"]) if b"klass" in fields else None,
        text(fields[b"queue"]) if b"queue" in fields else None,
        fields.get(b"status", b"enabled") == b"enabled",
        ruby_time(fields.get(b"last_enqueue_time")),
        None,
        0.0,
    )
