# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker classes of Mastodon 4.6 that the make-believe instance uses, with their `sidekiq_options`."""

from __future__ import annotations

import dataclasses
from typing import Any

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
GLOBAL_LOCK_TTL = 50 * DAY
"""Mastodon's `lock_ttl` for every locking class that names none (config/initializers/sidekiq.rb)."""


@dataclasses.dataclass(frozen=True)
class Worker:
    """What a class says about its jobs; a field at its default is not written into the payload, as in Sidekiq."""

    queue: str
    retry: int | bool = True
    dead: bool = True
    backtrace: int | bool | None = None
    lock: str | None = None
    lock_ttl: int = GLOBAL_LOCK_TTL
    """Seconds."""

    @property
    def options(self) -> dict[str, Any]:
        """The first fields of a payload, in the order in which Sidekiq writes them."""
        fields: dict[str, Any] = {"retry": self.retry, "queue": self.queue}
        if self.backtrace is not None:
            fields["backtrace"] = self.backtrace
        if not self.dead:
            fields["dead"] = False
        return fields


WORKERS = {
    "AccountDeletionWorker": Worker("pull", lock="until_executed", lock_ttl=WEEK),
    "AccountRefreshWorker": Worker("pull", 3, dead=False, lock="until_executed", lock_ttl=DAY),
    "ActivityPub::DeliveryWorker": Worker("push", 16, dead=False),
    "ActivityPub::DistributionWorker": Worker("push"),
    "ActivityPub::FetchRepliesWorker": Worker("pull", 3),
    "ActivityPub::FollowersSynchronizationWorker": Worker("push", lock="until_executed"),
    "ActivityPub::LowPriorityDeliveryWorker": Worker("pull", 8, dead=False),
    "ActivityPub::ProcessingWorker": Worker("ingress", 8, backtrace=True),
    "ActivityPub::SynchronizeFeaturedCollectionWorker": Worker("pull", lock="until_executed", lock_ttl=DAY),
    "ActivityPub::SynchronizeFeaturedTagsCollectionWorker": Worker("pull", lock="until_executed", lock_ttl=DAY),
    "ActivityPub::UpdateDistributionWorker": Worker("push", lock="until_executed", lock_ttl=DAY),
    "Admin::DomainPurgeWorker": Worker("pull", lock="until_executed", lock_ttl=WEEK),
    "BackupWorker": Worker("pull", 5, dead=False, backtrace=True),
    "DistributionWorker": Worker("default"),
    "FeedInsertWorker": Worker("default"),
    "FetchReplyWorker": Worker("pull", 3),
    "Import::RowWorker": Worker("pull", 6, dead=False),
    "LinkCrawlWorker": Worker("pull", 0),
    "LocalNotificationWorker": Worker("default"),
    "MentionResolveWorker": Worker("pull", 7),
    "PollExpirationNotifyWorker": Worker("default", lock="until_executing"),
    "PostProcessMediaWorker": Worker("default", 1, dead=False),
    "PublishScheduledStatusWorker": Worker("default", lock="until_executed", lock_ttl=HOUR),
    "PushConversationWorker": Worker("default"),
    "PushUpdateWorker": Worker("default"),
    "RedownloadAvatarWorker": Worker("pull", 7),
    "RegenerationWorker": Worker("default", lock="until_executed"),
    "RemovalWorker": Worker("default"),
    "ResolveAccountWorker": Worker("pull", lock="until_executed", lock_ttl=DAY),
    "Scheduler::IndexingScheduler": Worker("scheduler", 0, lock="until_executed", lock_ttl=30 * MINUTE),
    "ThreadResolveWorker": Worker("pull", 3),
    "Web::PushNotificationWorker": Worker("push", 5),
}

QUEUES = {"default": 8, "push": 6, "ingress": 4, "mailers": 2, "pull": 0, "scheduler": 0, "fasp": 0}
"""The queues of config/sidekiq.yml with the weights that a process of Sidekiq 8.1 writes for them."""

SHARES: dict[str, dict[str, int]] = {
    "default": {
        "FeedInsertWorker": 58,
        "LocalNotificationWorker": 14,
        "PushUpdateWorker": 10,
        "DistributionWorker": 8,
        "RemovalWorker": 4,
        "PushConversationWorker": 3,
        "PostProcessMediaWorker": 3,
    },
    "push": {"ActivityPub::DeliveryWorker": 94, "Web::PushNotificationWorker": 4, "ActivityPub::DistributionWorker": 2},
    "ingress": {"ActivityPub::ProcessingWorker": 100},
    "pull": {
        "ThreadResolveWorker": 30,
        "LinkCrawlWorker": 25,
        "ActivityPub::LowPriorityDeliveryWorker": 20,
        "FetchReplyWorker": 10,
        "ActivityPub::FetchRepliesWorker": 5,
        "MentionResolveWorker": 5,
        "RedownloadAvatarWorker": 3,
        "Import::RowWorker": 2,
    },
}
"""What a busy queue holds, in percent. No class that takes a unique lock: those jobs need their lock written too."""
