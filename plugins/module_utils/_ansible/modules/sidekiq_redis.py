# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module for the settings of Redis does."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ..._sidekiq.errors import BadOption
from ..._sidekiq.redis import server_config
from ..._sidekiq.redis.server_config import POLICIES, Settings, save_points, size_in_bytes
from ..._sidekiq.state.snapshot import read_snapshot
from ..ending import Result
from ..run_redis import Session, refuse_unwritable

REDIS_OPTIONS: t.Final = {
    "maxmemory": {"type": "str"},
    "eviction_policy": {"type": "str", "choices": list(POLICIES)},
    "append_only": {"type": "bool"},
    "snapshots": {"type": "str"},
    "persist": {"type": "bool", "default": True},
    "accept_job_loss": {"type": "bool", "default": False},
}


def set_up(session: Session) -> Result:
    """Set what is asked for, and see that it outlasts a restart."""
    options, snapshot = session.options, read_snapshot(session.client, session.key, ("server",))
    refuse_unwritable(snapshot, session)
    current = server_config.read(session.client)
    target, differing = server_config.plan(current, _wanted(options))
    used = (snapshot.server.used_memory if snapshot.server else None) or 0
    _refuse_losses(current, target, used, options)
    file = _config_file(session)
    kept = server_config.in_file(file) if file else None
    forgotten = _forgotten(target, kept, options) if options["persist"] else []
    if options["persist"] and differing and not file:
        raise BadOption(
            f"Redis at {session.server} runs without a configuration file, so nothing that is set outlasts its restart."
            " Set it where Redis is started, or accept that with persist: false."
        )
    rewrite = bool(options["persist"] and (differing or forgotten))
    if not session.check_mode:
        server_config.apply(session.client, target, differing, rewrite)
    return {
        "changed": bool(differing or rewrite),
        "server": session.server,
        "used_memory": used,
        "settings": asdict(target),
        "set": differing,
        "config_file": file,
        "rewritten": rewrite,
        "diff": {"before": asdict(current), "after": asdict(target)},
    }


def _wanted(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    maxmemory, snapshots = options["maxmemory"], options["snapshots"]
    return {
        "maxmemory": None if maxmemory is None else size_in_bytes(maxmemory, "maxmemory"),
        "eviction_policy": options["eviction_policy"],
        "append_only": options["append_only"],
        "snapshots": None if snapshots is None else save_points(snapshots, "snapshots"),
    }


def _refuse_losses(current: Settings, target: Settings, used: int, options: t.Mapping[str, t.Any]) -> None:
    """Raises BadOption for what would lose jobs, unless the task accepts that."""
    if options["accept_job_loss"]:
        return
    asked, lowered = options["eviction_policy"], 0 < target.maxmemory < (current.maxmemory or float("inf"))
    if target.eviction_policy != "noeviction" and (asked is not None or lowered):
        raise BadOption(
            f"{'maxmemory' if asked is None else 'eviction_policy'}: with the policy {target.eviction_policy} Redis deletes keys when"
            " its memory is short, and a queue is one key: all its jobs would be gone without a word. Sidekiq needs noeviction:"
            " set eviction_policy: noeviction in the same task. A cache with eviction belongs into a Redis of its own"
            " (CACHE_REDIS_URL). To have it all the same, set accept_job_loss: true."
        )
    if (current.append_only or current.snapshots) and not (target.append_only or target.snapshots):
        raise BadOption(
            "append_only and snapshots would both be off: a restart of Redis would lose every job."
            " To have it all the same, set accept_job_loss: true."
        )
    if target.maxmemory != current.maxmemory and 0 < target.maxmemory <= used:
        raise BadOption(
            f"maxmemory: {target.maxmemory:,} bytes are not more than the {used:,} that are in use: every enqueue would fail."
        )


def _config_file(session: Session) -> str | None:
    path = session.client.info("server").get("config_file")
    return (path.decode() if isinstance(path, bytes) else path) or None


def _forgotten(target: Settings, kept: Settings | None, options: t.Mapping[str, t.Any]) -> list[str]:
    """Settings of the task that are in effect and not in the file, where it can be read: somebody set them by hand."""
    if kept is None:
        return []
    asked = [name for name in server_config.DIRECTIVES if options[name] is not None]
    return [name for name in asked if getattr(kept, name) != getattr(target, name)]
