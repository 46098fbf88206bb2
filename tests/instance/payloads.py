# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Job payloads with the bytes that Mastodon's own client leaves in Redis: fields, their order, types and sizes."""

from __future__ import annotations

import base64
import functools
import random
import re
import zlib
from collections.abc import Sequence
from typing import Any

from . import activities
from .activities import compact
from .locks import lock_fields
from .releases import SIDEKIQ, at_least
from .workers import WORKERS

Payload = dict[str, Any]

_POSTS = 300
"""How many different posts are delivered: one post goes to many inboxes, byte for byte the same."""


class Forge:
    """Makes payloads. The same `seed` and calls with the same times give the same bytes.

    Timestamps are those of the Sidekiq `version`: integer milliseconds from 8.0 on, float seconds before.
    """

    def __init__(self, seed: int = 1, version: str = SIDEKIQ) -> None:
        self.random = random.Random(seed)
        self.version = version
        self._milliseconds = at_least(version, 8)

    def stamp(self, at: float) -> int | float:
        """A moment (epoch seconds) in the type in which payloads hold it."""
        return round(at * 1000) if self._milliseconds else round(float(at), 6)

    def hex(self, digits: int) -> str:
        """Random hexadecimal digits: 24 for a jid, 12 for a process nonce."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def job(self, name: str, args: Sequence[Any], at: float) -> Payload:
        """A job of class `name` as it lies in its queue, created and enqueued at `at`."""
        worker, stamp = WORKERS[name], self.stamp(at)
        payload = worker.options
        if worker.lock:
            payload.update(lock=worker.lock, lock_ttl=worker.lock_ttl)
        payload.update({"args": args, "class": name, "jid": self.hex(24), "created_at": stamp})
        if worker.lock:
            payload.update(lock_fields(name, worker.queue, args))
        payload["enqueued_at"] = stamp
        return payload

    def any_job(self, name: str, at: float) -> Payload:
        """A job of class `name` with arguments that such a job has."""
        return self.job(name, self.arguments(name), at)

    def delivery(self, domain: str, at: float, name: str = "ActivityPub::DeliveryWorker") -> Payload:
        """A delivery of a local post to a server."""
        return self.job(name, self._delivery_arguments(activities.inbox(domain)), at)

    def mail(self, mailer: str, method: str, user: int, at: float) -> Payload:
        """A mail, wrapped twice: ActionMailer in ActiveJob in Sidekiq."""
        version_four = f"{self.hex(8)}-{self.hex(4)}-4{self.hex(3)}-8{self.hex(3)}-{self.hex(12)}"
        arguments = [
            mailer,
            method,
            "deliver_now",
            {"args": [{"_aj_globalid": f"gid://mastodon/User/{user}"}], "_aj_ruby2_keywords": ["args"]},
        ]
        inner: Payload = {
            "job_class": "ActionMailer::MailDeliveryJob",
            "job_id": version_four,
            "provider_job_id": None,
            "queue_name": "mailers",
            "priority": None,
            "arguments": arguments,
            "executions": 0,
            "exception_executions": {},
            "locale": "en",
            "timezone": "UTC",
        }
        wrapper = (
            "Sidekiq::ActiveJob::Wrapper"
            if self._milliseconds
            else "ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper"
        )
        payload: Payload = {
            "retry": True,
            "queue": "mailers",
            "wrapped": "ActionMailer::MailDeliveryJob",
            "args": [inner],
        }
        payload.update(
            {"class": wrapper, "jid": self.hex(24), "created_at": self.stamp(at), "enqueued_at": self.stamp(at)}
        )
        return payload

    def failed(
        self, payload: Payload, error: str, message: str, *, first: float, last: float | None = None, attempts: int = 1
    ) -> Payload:
        """The payload after `attempts` failures, the first and the last of them at these times."""
        after = dict(
            payload, error_message=message, error_class=error, failed_at=self.stamp(first), retry_count=attempts - 1
        )
        if attempts > 1:
            after["retried_at"] = self.stamp(first if last is None else last)
        if payload.get("backtrace"):
            after["error_backtrace"] = backtrace(payload["class"])
        return after

    def scheduled(self, payload: Payload) -> Payload:
        """The payload as the scheduled set holds it: not enqueued yet."""
        return {field: value for field, value in payload.items() if field != "enqueued_at"}

    def arguments(self, name: str) -> list[Any]:
        """Arguments in the layout of the class."""
        rng = self.random
        if name in ("ActivityPub::DeliveryWorker", "ActivityPub::LowPriorityDeliveryWorker"):
            return self._delivery_arguments(activities.inbox(rng.choice(activities.REMOTE_DOMAINS)))
        if name == "ActivityPub::ProcessingWorker":
            return [rng.randrange(1000, 90000), rng.choice(_received_posts()), None, "Account"]
        number, other = rng.randrange(1000, 999999), rng.randrange(1000, 90000)
        page = f"https://{rng.choice(activities.REMOTE_DOMAINS)}/users/{activities.person(rng)}/statuses/{number}"
        layouts: dict[str, list[Any]] = {
            "ActivityPub::FetchRepliesWorker": [number, f"{page}/replies", {}],
            "ActivityPub::FollowersSynchronizationWorker": [other, f"{page.partition('/statuses')[0]}/followers"],
            "ActivityPub::SynchronizeFeaturedTagsCollectionWorker": [
                other,
                f"{page.partition('/statuses')[0]}/collections/tags",
            ],
            "Admin::DomainPurgeWorker": [f"spam{number}.example"],
            "FeedInsertWorker": [number, other, "home", {}],
            "FetchReplyWorker": [page, {}],
            "LocalNotificationWorker": [other, number, "Mention", "mention"],
            "MentionResolveWorker": [number, page.partition("/statuses")[0], {}],
            "PushUpdateWorker": [other, number, f"timeline:{other}", {}],
            "ResolveAccountWorker": [f"{activities.person(rng)}{other}@{rng.choice(activities.REMOTE_DOMAINS)}"],
            "Scheduler::IndexingScheduler": [],
            "ThreadResolveWorker": [number, page, {}],
            "Web::PushNotificationWorker": [other, number],
        }
        return layouts.get(name, [number])

    def _delivery_arguments(self, inbox_url: str) -> list[Any]:
        return [self.random.choice(_sent_posts()), self.random.randrange(1000, 90000), inbox_url, {}]


def backtrace(name: str) -> str:
    """An `error_backtrace` of the class, compressed as Sidekiq does it."""
    path = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.replace("::", "/")).lower()
    lines = [f"/home/mastodon/live/app/workers/{path}.rb:{20 + line}:in 'perform'" for line in range(3)]
    lines += [
        f"/home/mastodon/live/vendor/bundle/ruby/3.4.0/gems/sidekiq-8.1.6/lib/sidekiq/processor.rb:{line}:in 'process'"
        for line in (228, 193, 152)
    ]
    return base64.b64encode(zlib.compress(compact(lines).encode())).decode()


@functools.cache
def _sent_posts() -> tuple[str, ...]:
    rng = random.Random("sent")
    return tuple(activities.note(rng, activities.LOCAL_DOMAIN, 1_795_000_000 + second) for second in range(_POSTS))


@functools.cache
def _received_posts() -> tuple[str, ...]:
    rng = random.Random("received")
    return tuple(
        activities.note(rng, rng.choice(activities.REMOTE_DOMAINS), 1_795_000_000 + second) for second in range(_POSTS)
    )
