# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Mastodon's workers: what their arguments mean and how long they may run.

Read in Mastodon 4.2 to 4.6 (`app/workers/`); the argument layouts have not changed between those releases.
"""

from __future__ import annotations

import json
import re
import typing as t
from functools import lru_cache
from urllib.parse import urlsplit

from ..._sidekiq.state.job import Job

BACKUP_WORKER: t.Final = "BackupWorker"
ARCHIVE_QUEUE: t.Final = "pull"
"""Builds the archive of an account ("export"); its argument is the id of a row in `backups`."""

QUEUES: t.Final = ("default", "push", "ingress", "mailers", "pull", "scheduler")
"""Queues of every supported release; `fasp` came with 4.4, the release that brought Sidekiq 7 (config/sidekiq.yml)."""

QUEUES_SINCE_4_4: t.Final = (*QUEUES, "fasp")

LONG_RUNNING: t.Final = (
    "BackupWorker",
    "AccountDeletionWorker",
    "Admin::AccountDeletionWorker",
    "Admin::DomainPurgeWorker",
    "Admin::SuspensionWorker",
    "AccountMergingWorker",
    "BulkImportWorker",
    "DomainBlockWorker",
    "DomainClearMediaWorker",
    "MoveWorker",
    "ActivityPub::MoveDistributionWorker",
    "RegenerationWorker",
    "Scheduler::*",
)
"""Classes (patterns) that may run for an hour: archives, deletions, imports, clean-ups."""

_Place = tuple[str, int]

_DOMAIN: t.Final[t.Mapping[str, _Place]] = {
    "ActivityPub::DeliveryWorker": ("url", 2),
    "ActivityPub::LowPriorityDeliveryWorker": ("url", 2),
    "ActivityPub::MigratedFollowDeliveryWorker": ("url", 2),
    "ActivityPub::ProcessingWorker": ("activity", 1),
    "ActivityPub::FetchRepliesWorker": ("url", 1),
    "ActivityPub::RefetchAndVerifyQuoteWorker": ("url", 1),
    "ActivityPub::VerifyFeaturedItemWorker": ("url", 1),
    "ActivityPub::FollowersSynchronizationWorker": ("url", 1),
    "ActivityPub::SynchronizeFeaturedTagsCollectionWorker": ("url", 1),
    "ActivityPub::PostUpgradeWorker": ("domain", 0),
    "ThreadResolveWorker": ("url", 1),
    "FetchReplyWorker": ("url", 0),
    "MentionResolveWorker": ("url", 1),
    "TaggedCollectionResolveWorker": ("url", 1),
    "LinkCrawlWorker": ("url", 1),
    "ResolveAccountWorker": ("account", 0),
    "Admin::DomainPurgeWorker": ("domain", 0),
    "AfterUnallowDomainWorker": ("domain", 0),
    "AfterAccountDomainBlockWorker": ("domain", 1),
    "PurgeCustomEmojiWorker": ("domain", 0),
}
"""Where a class keeps the remote server it deals with: the kind of value and the index of the argument."""


_ON_A_COMMAND_LINE: t.Final = re.compile(r"[A-Za-z0-9_.:@+-]{1,200}")


def can_be_served(queue: str) -> bool:
    """Whether a unit can be started for a queue of this name.

    Anybody who can enqueue a job makes a queue. Sidekiq takes a comma for the weight, and systemd replaces % and $.
    """
    return _ON_A_COMMAND_LINE.fullmatch(queue) is not None


def unknown_queues(names: t.Iterable[str], known: t.Container[str]) -> list[str]:
    """Those that are neither known nor Mastodon's own. They may be mistyped, which nothing else would tell: they are empty."""
    return [name for name in names if name not in known and name not in QUEUES_SINCE_4_4]


def no_such_queue(option: str, name: str) -> str:
    """A warning."""
    return f"{option}: there is no queue {name}: it is not registered, no process serves it, and it holds no job. Check its name."


def remote_domain(job: Job) -> str | None:
    """The remote server that a job deals with, in lower case without a port; None if it deals with none or only by a database id.

    For an incoming activity it is the author's server, which with relays is not the one that sent it.
    """
    name = job.payload.get("class")
    place = _DOMAIN.get(name) if isinstance(name, str) else None
    if place is None:
        return None
    kind, index = place
    arguments = job.payload.get("args")
    if not isinstance(arguments, list) or index >= len(arguments):
        return None
    return _READERS[kind](arguments[index])


_HOST = re.compile(r"[\w.:-]+")  # any other text is no name of a server, and may be private


def _of_url(value: t.Any) -> str | None:
    return _host(value) if isinstance(value, str) else None


@lru_cache(maxsize=4096)  # few inboxes get most of the deliveries
def _host(value: str) -> str | None:
    try:
        host = urlsplit(value).hostname
        # what stands nowhere in the value, as urlsplit drops line breaks and Python knows other letters for k, is no name either
        if not host or (
            host not in value.lower() if not host.isascii() else host.encode() not in value.encode().lower()
        ):
            return None
    except ValueError:
        return None
    return _as_in_the_dns(host) if _HOST.fullmatch(host) else None


def _as_in_the_dns(host: str) -> str | None:
    """With xn--, as Mastodon stores servers and asks them (DeliveryWorker normalizes the URL); else one server has two names.

    None where the name in ASCII would be another text than any in the job, as of letters in full width.
    """
    if host.isascii():
        return host
    try:
        labels = [label if label.isascii() else label.encode("idna").decode("ascii") for label in host.split(".")]
    except UnicodeError:
        return None
    whole = all(
        label.isascii() or name.startswith("xn--") and "." not in name for label, name in zip(host.split("."), labels)
    )
    return ".".join(labels) if whole else None


def _of_domain(value: t.Any) -> str | None:
    return _of_url(f"//{value.strip()}") if isinstance(value, str) else None


def _of_account(value: t.Any) -> str | None:
    """Of `name@domain`; an account without a domain is a local one."""
    _name, at, domain = value.rpartition("@") if isinstance(value, str) else ("", "", "")
    return _of_domain(domain) if at else None


def _of_activity(value: t.Any) -> str | None:
    """From the JSON text of an activity: its actor (text or object), else its id."""
    if not isinstance(value, str):
        return None
    try:
        activity = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(activity, dict):
        return None
    actor = activity.get("actor")
    if isinstance(actor, dict):
        actor = actor.get("id")
    return _of_url(actor) or _of_url(activity.get("id"))


_READERS: t.Final[t.Mapping[str, t.Callable[[t.Any], str | None]]] = {
    "url": _of_url,
    "domain": _of_domain,
    "account": _of_account,
    "activity": _of_activity,
}
