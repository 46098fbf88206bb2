# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whose keys are in the Redis of Mastodon, what can be taken out of it, and how much that hurts."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..._sidekiq.errors import BadOption

NO_HARM: t.Final = "nothing: they wait for nobody"
LATER: t.Final = "they are tried later, when they are put back"
_RULES: t.Final = (
    ("queues", "Sidekiq", r"queue:.*"),
    ("retry", "Sidekiq", r"retry"),
    ("scheduled", "Sidekiq", r"schedule"),
    ("dead", "Sidekiq", r"dead"),
    ("processes", "Sidekiq", r"processes|queues|paused|.*:\d+:[0-9a-f]{12}(?::.*)?|.*-signals"),
    ("statistics", "Sidekiq", r"stat:.*|j\|.*|\w+-metrics.*"),
    ("recurring", "sidekiq-scheduler", r"sidekiq-scheduler:.*|schedules.*"),
    ("unique locks", "sidekiq-unique-jobs", r"uniquejobs:.*|unique:.*"),
    ("feeds", "Mastodon", r"feed:.*"),
    ("cache", "Mastodon", r"cache:.*|.*_cache:.*|rack::attack:.*"),
    ("locks", "Mastodon", r"lock:.*"),
    ("batches", "Mastodon", r"worker_batch:.*"),
    ("delivery failures", "Mastodon", r"exhausted_deliveries:.*|unavailable_inboxes|stoplight:.*"),
    ("trends", "Mastodon", r"trending_.*|trends:.*"),
    ("activity counts", "Mastodon", r"activity:.*|hll:.*|spam_check:.*|.*:(?:accounts|uses):.*"),
    ("subscriptions", "Mastodon", r"subscribed:.*|streaming:.*"),
)
_PATTERNS: t.Final = tuple((name, owner, re.compile(rule, re.DOTALL)) for name, owner, rule in _RULES)
OTHER: t.Final = ("other", "unknown")


@dataclass(frozen=True)
class Family:
    """Keys of one kind. `size`: bytes; an estimate where only `measured` of its `keys` were measured."""

    name: str
    owner: str
    keys: int
    measured: int
    size: int


def family_of(key: str) -> tuple[str, str]:
    """Name and owner of the family of a key, from which a prefix was taken already."""
    return next(((name, owner) for name, owner, pattern in _PATTERNS if pattern.fullmatch(key)), OTHER)


def suggestions(families: t.Mapping[str, Family], queues: t.Mapping[str, int]) -> list[dict[str, t.Any]]:
    """What sidekiq_job can archive and take out: what hurts least first, and of that what frees most. `queues`: bytes by name."""
    found = []

    def suggest(hurt: int, size: int, what: str, effect: str, jobs: dict[str, t.Any]) -> None:
        if size > 0:
            found.append(
                (hurt, -size, {"what": what, "bytes": size, "effect": effect, "selection": {"state": "absent", **jobs}})
            )

    def size_of(name: str) -> int:
        return families[name].size if name in families else 0

    suggest(0, size_of("dead"), "the dead set", NO_HARM, {"sets": ["dead"], "all": True})
    suggest(
        1,
        size_of("retry"),
        "deliveries in the retry set",
        LATER,
        {"sets": ["retry"], "classes": ["ActivityPub::*DeliveryWorker"]},
    )
    for name, effect in (
        ("pull", "low priority deliveries arrive later, when they are put back"),
        ("push", "deliveries arrive later, when they are put back; other servers see posts late"),
    ):
        suggest(2 if name == "pull" else 3, queues.get(name, 0), f"deliveries in the queue {name}", effect,
                {"queues": [name], "classes": ["ActivityPub::*DeliveryWorker"]})  # fmt: skip
    return [entry for _hurt, _size, entry in sorted(found, key=lambda suggestion: suggestion[:2])]


ORDER: t.Final = ("dead", "retry", "pull", "push")
"""What can be taken out, what hurts least first."""


def to_free(memory: t.Mapping[str, t.Any], limit: float, last: str) -> list[dict[str, t.Any]]:
    """Which of the suggestions to follow until less than `limit` percent are used: in their order, and none after `last`.

    `memory` as sidekiq_memory_info returns it. Raises BadOption for a `last` that there is not.
    """
    if last not in ("nothing", *ORDER):
        raise BadOption(f"backlog_recovery_free_memory must be nothing, {', '.join(ORDER)}, not {last!r}.")
    if memory["used_percent"] is None or memory["used_percent"] < limit:
        return []
    allowed = ORDER[: ORDER.index(last) + 1] if last in ORDER else ()
    surplus, chosen = memory["used_bytes"] - memory["maxmemory_bytes"] * limit / 100, []
    for entry in memory["suggestions"]:
        selection = entry["selection"]
        [place] = selection.get("sets") or selection["queues"]
        if place in allowed and surplus >= 0:
            chosen.append(selection)
            surplus -= entry["bytes"]
    return chosen
