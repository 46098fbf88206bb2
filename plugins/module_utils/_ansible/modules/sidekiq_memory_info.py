# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module for the memory of Redis does."""

from __future__ import annotations

import random
import typing as t

from ..._mastodon.diagnosis.redis_memory import Family, family_of, suggestions
from ..._sidekiq.redis.memory import scan_keys, sizes
from ..._sidekiq.state.snapshot import read_snapshot
from ..ending import Result
from ..run_redis import Session

OPTIONS: t.Final = {
    "max_keys": {"type": "int", "default": 200000, "no_log": False},
    "samples": {"type": "int", "default": 200},
}
_ALWAYS = ("queues", "retry", "scheduled", "dead")


def memory_info(session: Session) -> Result:
    """Bytes by family of keys, and what can be taken out."""
    server = read_snapshot(session.client, session.key, ("server",)).server
    total = int(session.client.dbsize())
    names, complete = scan_keys(session.client, max(1, session.options["max_keys"]))
    groups: dict[tuple[str, str], list[bytes]] = {}
    prefix = session.key.prefix
    for name in names:
        text = name.decode("utf-8", "replace")
        groups.setdefault(family_of(text[len(prefix) :] if prefix and text.startswith(prefix) else text), []).append(
            name
        )
    families, queues = {}, {}
    for (family, owner), members in groups.items():
        chosen = members
        if family not in _ALWAYS and len(members) > session.options["samples"]:
            chosen = random.sample(members, max(1, session.options["samples"]))
        measured = sizes(session.client, chosen)
        mean = sum(measured.values()) / len(measured) if measured else 0
        size = sum(measured.values()) if len(chosen) == len(members) else int(mean * len(members))
        families[family] = Family(family, owner, len(members), len(measured), size)
        if family == "queues":
            cut = len(session.key("queue:"))
            queues = {name[cut:].decode("utf-8", "replace"): size for name, size in measured.items()}
    used, most = (server.used_memory, server.maxmemory) if server else (None, None)
    return {
        "changed": False,
        "server": session.server,
        "used_bytes": used,
        "maxmemory_bytes": most,
        "used_percent": round(100 * used / most, 1) if used and most else None,
        "eviction_policy": server.eviction_policy if server else None,
        "key_count": total,
        "scanned": len(names),
        "complete": complete,
        "families": [
            {
                "name": entry.name,
                "owner": entry.owner,
                "key_count": entry.keys,
                "measured": entry.measured,
                "bytes": entry.size,
            }
            for entry in sorted(families.values(), key=lambda entry: -entry.size)
        ],
        "suggestions": suggestions(families, queues),
    }
