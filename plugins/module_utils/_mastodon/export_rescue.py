# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What can be done for the archives that people wait for: a pure function of what export_info returns."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._sidekiq.duration import seconds

Export = t.Mapping[str, t.Any]


@dataclass
class Rescue:
    """C(enqueue): rows without a job; C(retry): jobs that failed and can run now; C(surplus): jobs that nobody needs;
    C(stuck): jobs that run for too long, and their processes; C(watch): rows whose archive is then to come;
    C(helpless): rows that nothing is done for, and why."""

    enqueue: list[int] = field(default_factory=list)
    retry: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    stuck: list[dict[str, t.Any]] = field(default_factory=list)
    watch: list[int] = field(default_factory=list)
    helpless: list[dict[str, t.Any]] = field(default_factory=list)


def plan(found: t.Mapping[str, t.Any], stuck_after: str, retries: str, serving: t.Collection[str]) -> Rescue:
    """C(serving): the queues that some process serves. C(retries): run, remove or keep. Raises BadOption."""
    limit = seconds(stuck_after, "export_rescue_stuck_after")
    rescue = Rescue()
    for export in found["exports"]:
        _one(rescue, export, limit, retries, serving)
    rescue.surplus.extend(job["jid"] for job in found["needless_jobs"] if job["place"] != "running" and job["jid"])
    return rescue


def _one(rescue: Rescue, export: Export, limit: float, retries: str, serving: t.Collection[str]) -> None:
    rescue.surplus.extend(export["surplus_jids"])
    if export["duplicate_of"] is not None:
        _helpless(
            rescue,
            export,
            f"archive {export['duplicate_of']} of the same user comes first; Mastodon then deletes this one",
        )
        return
    state = export["state"]
    if state == "orphaned" and not export["certain"]:
        _helpless(
            rescue, export, "its job may be in a process that says nothing; stop that process, then run this again"
        )
        return
    if state in ("finished", "gone"):
        return
    if state == "orphaned":
        rescue.enqueue.append(export["backup_id"])
    place = export["jobs"][0]["place"] if export["jobs"] else ""
    if place == "running" and (export["elapsed"] or 0.0) > limit:
        rescue.stuck.append(
            {
                "backup_id": export["backup_id"],
                "jid": export["jid"],
                "identity": export["process"],
                "elapsed": export["elapsed"],
            }
        )
    if place == "retry" and retries == "remove":
        rescue.surplus.append(export["jid"])
        _helpless(
            rescue,
            export,
            f"it failed {export['attempts']} times ({export['error_class']}), and its job is removed as asked for",
        )
        return
    if place in ("retry", "scheduled") and retries == "run":
        rescue.retry.append(export["jid"])
    queue = export["queue"] or "pull"
    if place != "running" and queue not in serving:
        _helpless(rescue, export, f"no process serves the queue {queue}")
        return
    rescue.watch.append(export["backup_id"])


def _helpless(rescue: Rescue, export: Export, reason: str) -> None:
    rescue.helpless.append({"backup_id": export["backup_id"], "reason": reason})


def is_due(rescue: Rescue) -> bool:
    """Whether anything is to be done."""
    return bool(rescue.enqueue or rescue.retry or rescue.surplus or rescue.stuck)
