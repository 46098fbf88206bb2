# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What can be done for the archives that people wait for: a pure function of what export_info returns."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..._sidekiq.duration import seconds
from ..jobs.names import is_taken
from ..jobs.worker_classes import ARCHIVE_QUEUE, can_be_served
from .capacity import Room, room_of

Export = t.Mapping[str, t.Any]


@dataclass
class Rescue:
    """`enqueue`: rows without a job; `retry`: jobs that failed and can run now; `surplus`: jobs that nobody needs;
    `stuck`: jobs that run for too long, and their processes; `watch`: rows whose archive is then to come;
    `helpless`: rows that nothing is done for, and why; `no_room`: those of them that would not fit;
    `worker_queues`: queues in which archives wait behind too many jobs, or that nobody serves; `ahead`: the most jobs
    before one of `watch`."""

    enqueue: list[int] = field(default_factory=list)
    retry: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    stuck: list[dict[str, t.Any]] = field(default_factory=list)
    watch: list[int] = field(default_factory=list)
    helpless: list[dict[str, t.Any]] = field(default_factory=list)
    no_room: list[int] = field(default_factory=list)
    worker_queues: list[str] = field(default_factory=list)
    ahead: int = 0


@dataclass(frozen=True)
class Situation:
    """`serving`: the queues that some process serves; `sizes`: how many jobs wait in each queue; `worker_from`: jobs
    before an archive from which on it needs a worker of its own; `storage`: what export_storage_info returned."""

    serving: t.Collection[str] = ()
    sizes: t.Mapping[str, int] = field(default_factory=dict)
    worker_from: int = 1000
    storage: t.Mapping[str, t.Any] | None = None


def plan(info: t.Mapping[str, t.Any], stuck_after: str, retries: str, around: Situation) -> Rescue:
    """`retries`: run, remove or keep. Raises BadOption."""
    limit = seconds(stuck_after, "export_rescue_stuck_after")
    rescue, room = Rescue(), room_of(around.storage)
    for export in info["exports"]:
        if _place(export) == "queues" and export["duplicate_of"] is None:
            room.take(export["media_bytes"])  # is built whatever we do
    for export in info["exports"]:
        _one(rescue, export, limit, retries, around, room)
    needless = [job["jid"] for job in info["needless_jobs"] if job["place"] != "running" and job["jid"]]
    rescue.surplus = [jid for jid in (*rescue.surplus, *needless) if is_taken("jids", jid)]
    return rescue


def _one(rescue: Rescue, export: Export, limit: float, retries: str, around: Situation, room: Room) -> None:
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
    place = _place(export)
    if place == "running" and (export["elapsed"] or 0.0) > limit and not _can_be_stopped(export):
        _helpless(
            rescue, export, f"it runs in {export['process']} with the id {export['jid']}, a name that no module takes"
        )
    elif place == "running" and (export["elapsed"] or 0.0) > limit:
        rescue.stuck.append({name: export[name] for name in ("backup_id", "jid", "elapsed")})
        rescue.stuck[-1]["identity"] = export["process"]
    if place == "retry" and retries == "remove":
        rescue.surplus.append(export["jid"])
        _helpless(
            rescue,
            export,
            f"it failed {export['attempts']} times ({export['error_class']}), and its job is removed as asked for",
        )
        return
    if place == "running":
        rescue.watch.append(export["backup_id"])
    else:
        starts = place != "queues" and not (place and retries == "keep")
        _wait_in_line(rescue, export, starts, around, room)


def _wait_in_line(rescue: Rescue, export: Export, starts: bool, around: Situation, room: Room) -> None:
    """One that does not run: is there room for it, if we start it, and does it get its turn?"""
    number, queue = export["backup_id"], export["queue"] or ARCHIVE_QUEUE
    place = _place(export)
    if starts:
        refusal = room.take(export["media_bytes"])
        if refusal is not None:
            rescue.no_room.append(number)
            last = " Mastodon deletes its row after five retries." if place == "retry" else ""
            _helpless(rescue, export, refusal + last)
            return
        if place and not is_taken("jids", export["jid"] or ""):
            _helpless(rescue, export, f"its job has the id {export['jid']}, which no module takes")
            return
        if place:
            rescue.retry.append(export["jid"])
        else:
            rescue.enqueue.append(number)
    served = queue in around.serving
    if not served and not can_be_served(queue):
        _helpless(rescue, export, f"no process serves the queue {queue}, and no unit can be started for that name")
        return
    ahead = around.sizes.get(queue, 0) if starts else export["ahead"] or 0
    if can_be_served(queue) and queue not in rescue.worker_queues and (not served or ahead >= around.worker_from):
        rescue.worker_queues.append(queue)
    if not served:
        _helpless(rescue, export, f"no process serves the queue {queue}")
        return
    rescue.ahead = max(rescue.ahead, ahead)
    rescue.watch.append(number)


def _can_be_stopped(export: Export) -> bool:
    return is_taken("identities", export["process"] or "") and is_taken("jids", export["jid"] or "")


def _place(export: Export) -> str:
    """Where the job is that ends first; empty without one."""
    return str(export["jobs"][0]["place"]) if export["jobs"] else ""


def _helpless(rescue: Rescue, export: Export, reason: str) -> None:
    rescue.helpless.append({"backup_id": export["backup_id"], "reason": reason})


def is_due(rescue: Rescue) -> bool:
    """Whether anything is to be done."""
    return bool(rescue.enqueue or rescue.retry or rescue.surplus or rescue.stuck)
