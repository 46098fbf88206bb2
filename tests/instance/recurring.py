# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recurring jobs of Mastodon 4.6 as sidekiq-scheduler 6 keeps them in Redis."""

from __future__ import annotations

import dataclasses
import time

import redis

from .activities import compact
from .workers import DAY, HOUR, MINUTE


@dataclasses.dataclass(frozen=True)
class Recurring:
    """An entry under `:schedule:` of config/sidekiq.yml."""

    name: str
    worker: str
    rhythm: dict[str, object]
    """What the entry says: `every`, `interval` or `cron`."""
    period: int
    """Seconds between two runs."""


RECURRING = (
    Recurring("scheduled_statuses_scheduler", "Scheduler::ScheduledStatusesScheduler", {"every": "5m"}, 5 * MINUTE),
    Recurring(
        "trends_refresh_scheduler",
        "Scheduler::Trends::RefreshScheduler",
        {"every": ["5m", {"first_in": "4m"}]},
        5 * MINUTE,
    ),
    Recurring(
        "trends_review_notifications_scheduler",
        "Scheduler::Trends::ReviewNotificationsScheduler",
        {"every": "6h"},
        6 * HOUR,
    ),
    Recurring("indexing_scheduler", "Scheduler::IndexingScheduler", {"interval": "1 minute"}, MINUTE),
    Recurring("vacuum_scheduler", "Scheduler::VacuumScheduler", {"cron": "14 4 * * *"}, DAY),
    Recurring(
        "follow_recommendations_scheduler", "Scheduler::FollowRecommendationsScheduler", {"cron": "41 7 * * *"}, DAY
    ),
    Recurring("user_cleanup_scheduler", "Scheduler::UserCleanupScheduler", {"cron": "9 5 * * *"}, DAY),
    Recurring("ip_cleanup_scheduler", "Scheduler::IpCleanupScheduler", {"cron": "52 3 * * *"}, DAY),
    Recurring("pghero_scheduler", "Scheduler::PgheroScheduler", {"cron": "0 0 * * *"}, DAY),
    Recurring("instance_refresh_scheduler", "Scheduler::InstanceRefreshScheduler", {"cron": "0 * * * *"}, HOUR),
    Recurring(
        "accounts_statuses_cleanup_scheduler",
        "Scheduler::AccountsStatusesCleanupScheduler",
        {"interval": "1 minute"},
        MINUTE,
    ),
    Recurring(
        "suspended_user_cleanup_scheduler", "Scheduler::SuspendedUserCleanupScheduler", {"interval": "1 minute"}, MINUTE
    ),
    Recurring(
        "software_update_check_scheduler",
        "Scheduler::SoftwareUpdateCheckScheduler",
        {"interval": "30 minutes"},
        30 * MINUTE,
    ),
    Recurring(
        "auto_close_registrations_scheduler", "Scheduler::AutoCloseRegistrationsScheduler", {"interval": "1 hour"}, HOUR
    ),
    Recurring(
        "fasp_follow_recommendation_cleanup_scheduler",
        "Scheduler::Fasp::FollowRecommendationCleanupScheduler",
        {"interval": "1 day"},
        DAY,
    ),
    Recurring(
        "collection_item_cleanup_scheduler", "Scheduler::CollectionItemCleanupScheduler", {"interval": "1 hour"}, HOUR
    ),
)


def write(client: redis.Redis, now: float, stopped_at: float | None = None) -> None:
    """Write the schedule as it is at `now`, or as it was left when it stopped ticking at `stopped_at` (epoch seconds).

    While it ticks every next time lies ahead; after it stopped they stay where they were.
    """
    ticked = now if stopped_at is None else stopped_at
    started = ticked - 600
    pipe = client.pipeline(transaction=False)
    for entry in RECURRING:
        # The last run lies within the last half minute, so that a healthy instance stays healthy for a while.
        passed = min(entry.period // 2, 30)
        pipe.hset("schedules", entry.name, compact({**entry.rhythm, "class": entry.worker, "queue": "scheduler"}))
        pipe.zadd("schedules_changed", {entry.name: started})
        pipe.hset("sidekiq-scheduler:last_times", entry.name, _ruby_time(ticked - passed))
        pipe.hset("sidekiq-scheduler:next_times", entry.name, _ruby_time(ticked - passed + entry.period))
        if entry.period <= DAY:
            tick = int(ticked - passed)
            pipe.zadd(f"sidekiq-scheduler:pushed:{entry.name}", {str(tick): tick})
            pipe.expireat(f"sidekiq-scheduler:pushed:{entry.name}", tick + DAY)
    pipe.execute()


def _ruby_time(at: float) -> str:
    """Ruby's Time#to_s in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime(at))
