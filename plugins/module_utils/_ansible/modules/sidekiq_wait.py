# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module does that waits."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from ..._mastodon.processes.wait_condition import STEADY, Condition, Seen, doubts, look, parse_condition, parts, queues
from ..._mastodon.processes.wait_progress import Judge, Progress, too_late
from ..._sidekiq.duration import seconds
from ..._sidekiq.errors import BadOption, SidekiqError
from ..._sidekiq.keys import QUEUES, SETS
from ..._sidekiq.redis.batch import run_reader
from ..._sidekiq.redis.failures import of_type
from ..._sidekiq.state.queue import read_unregistered
from ..._sidekiq.state.snapshot import Snapshot, read_snapshot
from ..._sidekiq.traversal.locate import find_jids
from ..._sidekiq.traversal.location import check_processes
from ..._sidekiq.traversal.outcomes import outcomes_of
from ..ending import Result
from ..run_redis import Session

_TEXT: t.Final = {"type": "str"}

OPTIONS: t.Final = {
    "until": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "queue": _TEXT,
            "set": {"type": "str", "choices": ["retry", "scheduled", "dead"]},
            "size": {"type": "int"},
            "latency": _TEXT,
            "due": {"type": "int"},
            "busy": {"type": "int"},
            "processes": {"type": "int"},
            "hostname": _TEXT,
            "tag": _TEXT,
            "identity": _TEXT,
            "class": _TEXT,
            "gone": _TEXT,
            "jid": _TEXT,
            "jids": {"type": "list", "elements": "str"},
            "since": {"type": "float"},
            "schedule_moving": {"type": "bool"},
        },
    },
    "timeout": {"type": "str", "default": "10m"},
    "interval": {"type": "str", "default": "5s"},
}


def wait(session: Session) -> Result:
    """Look until all conditions are met; in check mode look once."""
    conditions = read_conditions(session.options["until"])
    timeout, interval = spans(session.options)
    began, progress, judge = time.monotonic(), Progress(), Judge()
    looked, result, waited = began, _look(session, conditions), False
    result["would_wait"] = not result["met"]
    if session.check_mode:
        return {**result, "elapsed": 0.0}
    while True:
        ended = time.monotonic()
        elapsed = ended - began
        result["conditions"] = judge.judge(result["conditions"], result["heartbeats"], looked, ended)
        result["met"] = all(condition["met"] for condition in result["conditions"])
        progress.add(elapsed, result["conditions"])
        result.update(would_wait=waited, elapsed=round(elapsed, 3))
        if result["met"]:
            return result
        if elapsed >= timeout:
            session.progress.update({key: value for key, value in result.items() if key != "warnings"})
            raise SidekiqError(too_late(progress, elapsed))
        waited = True
        time.sleep(min(interval, max(0.0, timeout - elapsed)))
        looked = time.monotonic()
        result = _look(session, conditions)


def read_conditions(until: t.Sequence[t.Mapping[str, t.Any]]) -> list[Condition]:
    """Raises BadOption."""
    if not until:
        raise BadOption("until is empty. Give it at least one condition.")
    return [parse_condition(entry, number) for number, entry in enumerate(until, start=1)]


def spans(options: t.Mapping[str, t.Any]) -> tuple[float, float]:
    """The time-out and the interval in seconds. Raises BadOption."""
    interval = seconds(options["interval"], "interval")
    if interval < 0.1:
        raise BadOption("interval must be at least 0.1s.")
    return seconds(options["timeout"], "timeout"), interval


def _look(session: Session, conditions: t.Sequence[Condition]) -> Result:
    for condition in conditions:
        _refuse_wrong_types(session, condition)
    snapshot = _read(session, conditions)
    places = find_jids(
        session.client, session.key, [condition.subject for condition in conditions if condition.kind == "jid"]
    )
    seen = [look(condition, snapshot, places, _outcomes(session, condition, snapshot)) for condition in conditions]
    return {
        "changed": False,
        "server": session.server,
        "met": all(condition.met for condition in seen),
        "conditions": [_shown(condition) for condition in seen],
        "heartbeats": {process.identity: process.beat for process in snapshot.processes or () if process.has_heartbeat},
        "would_wait": False,
        "elapsed": 0.0,
        "warnings": doubts(conditions, snapshot),
    }


def _outcomes(session: Session, condition: Condition, snapshot: Snapshot) -> dict[str, str]:
    """Of the jobs that a condition names; nothing where it names none."""
    return (
        outcomes_of(session.client, session.key, condition.jids, condition.since, snapshot.taken_at)
        if condition.jids
        else {}
    )


def _read(session: Session, conditions: t.Sequence[Condition]) -> Snapshot:
    """With the queues that are asked for, registered and served or not."""
    snapshot = read_snapshot(session.client, session.key, parts(conditions))
    check_processes(session.key, [name for name in snapshot.wrong_types if not _holds_jobs(session, name)])
    known = {queue.name for queue in snapshot.queues or ()}
    others = [name for name in queues(conditions) if name not in known]
    more = run_reader(
        session.client, lambda batch: read_unregistered(batch, session.key, others, lambda: snapshot.taken_at)
    )
    return replace(snapshot, queues=(*(snapshot.queues or ()), *more))


def _holds_jobs(session: Session, name: bytes) -> bool:
    """Whether it is a queue, a set or the registry of queues, which concern those conditions alone that name one of them."""
    return name.startswith(session.key.queue("")) or name in map(session.key, (QUEUES, *SETS.values()))


def _refuse_wrong_types(session: Session, condition: Condition) -> None:
    """What is no queue or no set counts as empty elsewhere; here that would end the wait."""
    sets = (
        ("retry", "scheduled")
        if condition.kind == "schedule_moving"
        else [condition.only["set"]]
        if "set" in condition.only
        else ()
    )
    for name in sets:
        key = session.key(SETS[name])
        with of_type(key, "zset"):
            session.client.zcard(key)
    if "queue" in condition.only:
        key = session.key.queue(condition.only["queue"])
        with of_type(key, "list"):
            session.client.llen(key)


def _shown(seen: Seen) -> Result:
    return {
        "name": seen.condition.name,
        "wanted": seen.condition.wanted,
        "observed": seen.observed,
        "left": seen.left,
        "met": seen.met,
        "outcomes": seen.outcomes,
        "by_heartbeat": seen.condition.kind in STEADY,
    }
