# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Where normal ends. The defaults are Mastodon's own limits where it has some, else what the field uses."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._sidekiq.errors import BadOption
from ..._sidekiq.globs import glob_matcher
from ..jobs.worker_classes import LONG_RUNNING

MASTODON_LATENCY: t.Final[t.Mapping[str, float]] = {"default": 5, "push": 10, "pull": 300}
"""Seconds, above which Mastodon itself holds back (Scheduler::AccountsStatusesCleanupScheduler, LOAD_LATENCY_THRESHOLDS)."""


@dataclass(frozen=True)
class Thresholds:
    """Seconds, bytes, counts and shares (0 to 1); each is an option of `fediverse.mastodon.sidekiq_health_info`."""

    queue_latency: t.Mapping[str, float] = field(default_factory=lambda: dict(MASTODON_LATENCY))
    queue_latency_other: float = 300
    queue_latency_critical_factor: float = 10
    queue_size_warning: int = 500
    queue_size_critical: int = 1000
    busy_warning: float = 60
    busy_critical: float = 600
    long_running_classes: t.Sequence[str] = LONG_RUNNING
    long_running_warning: float = 3600
    long_running_critical: float = 21600
    rss_warning: int = 500 * 1024**2
    rss_critical: int = 1024**3
    redis_memory_warning: float = 0.80
    redis_memory_critical: float = 0.95
    heartbeat_late: float = 30
    due_late: float = 60
    recurring_late: float = 300
    domain_share: float = 0.5
    export_wait: float = 3600
    deaths_per_hour: int = 10
    lock_age: float = 300
    clock_offset: float = 5

    def latency(self, queue: str) -> float:
        """Seconds that the next job of this queue may have waited. Raises BadOption for what is no number."""
        limit = self.queue_latency.get(queue, self.queue_latency_other)
        try:
            return float(limit)
        except (TypeError, ValueError):
            raise BadOption(f"queue_latency: {queue} is {limit!r}, it must be a number of seconds.") from None

    def running(self, worker_class: str | None) -> tuple[float, float]:
        """Seconds that a job of this class may run: before a warning, before it is critical."""
        if glob_matcher(self.long_running_classes)(worker_class or ""):
            return self.long_running_warning, self.long_running_critical
        return self.busy_warning, self.busy_critical
