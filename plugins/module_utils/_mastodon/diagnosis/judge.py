# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""All rules, applied to one look at a server."""

from __future__ import annotations

import typing as t

from . import exports, processes, queues, redis, running, waiting
from .finding import Finding, worst_first
from .view import Rule, View

RULES: t.Final[tuple[Rule, ...]] = (
    redis.wrong_types,
    processes.no_process,
    processes.all_quiet,
    redis.replica,
    redis.eviction,
    redis.memory,
    redis.persistence,
    redis.too_old,
    queues.scheduler_queue,
    queues.queue_unserved,
    running.threads_held,
    running.domain_holds_threads,
    running.running_long,
    waiting.due_not_moving,
    waiting.recurring_overdue,
    queues.queue_backlog,
    exports.export_retrying,
    exports.export_duplicated,
    exports.export_waiting,
    waiting.domain_fills_retry,
    processes.ghosts,
    processes.late_heartbeat,
    processes.memory,
    processes.clocks,
    waiting.deaths,
    waiting.orphaned_locks,
    queues.queue_paused,
    queues.queue_unregistered,
    processes.versions,
    waiting.malformed,
    waiting.unread,
)
"""In the order in which an admin should read their findings: causes before what they cause."""


def judge(view: View) -> list[Finding]:
    """What is wrong, worst first. Pure: the same view gives the same findings."""
    return worst_first(finding for rule in RULES for finding in rule(view))
