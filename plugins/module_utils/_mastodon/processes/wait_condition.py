# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Conditions that a task can wait for: what each looks at, and how far it is from being met."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._sidekiq.duration import seconds
from ..._sidekiq.errors import BadOption
from ..._sidekiq.globs import glob_matcher
from ..._sidekiq.state.process import Process
from ..._sidekiq.state.snapshot import Snapshot
from ..._sidekiq.traversal.outcomes import OPEN, count
from ..diagnosis.thresholds import Thresholds
from ..jobs.names import parse_name
from ..jobs.worker_classes import no_such_queue, unknown_queues

FILTERS: t.Final = {
    "size": ("queue", "set"),
    "latency": ("queue",),
    "due": ("set",),
    "busy": ("hostname", "tag", "identity", "queue", "class"),
    "processes": ("hostname", "tag", "queue"),
    "gone": (),
    "jid": (),
    "jids": ("since",),
    "schedule_moving": (),
}
"""What a condition can be about, and what narrows it down."""

STEADY: t.Final = ("busy", "jid", "jids")
"""What heartbeats tell, so that it is certain only when every process has beaten once more."""

_LARGEST: t.Final = 2**53

_KINDS: t.Final = {
    "queue": "queues",
    "hostname": "hostnames",
    "tag": "tags",
    "identity": "identities",
    "gone": "identities",
    "jid": "jids",
    "class": "classes",
}

_PARTS: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "size": ("queues", "sets", "processes"),
    "latency": ("queues", "processes"),
    "due": ("sets",),
    "busy": ("processes", "work"),
    "schedule_moving": ("sets", "schedule"),
}


@dataclass(frozen=True)
class Condition:
    """`limit`: the number that it must not exceed (of processes, must reach); `only`: what narrows it down.

    `jids`: the jobs that must have an outcome; a failure before `since`, epoch seconds, is none.
    """

    kind: str
    limit: float
    only: t.Mapping[str, str]
    subject: str = ""
    jids: tuple[str, ...] = ()
    since: float = 0.0

    @property
    def name(self) -> str:
        where = " of ".join(
            f"{name} {value}" if name != "set" else f"the {value} set" for name, value in self.only.items()
        )
        if self.kind in ("gone", "jid"):
            return f"{'process' if self.kind == 'gone' else 'job'} {self.subject}"
        if self.kind == "jids":
            return f"outcomes of {len(self.jids)} jobs"
        words = {"busy": "running jobs", "due": "due jobs", "schedule_moving": "schedule", "processes": "processes"}
        return " of ".join(part for part in (words.get(self.kind, self.kind), where) if part)

    @property
    def wanted(self) -> str:
        """As it is shown."""
        words = {"gone": "gone", "jid": "finished", "jids": "all known", "schedule_moving": "moving"}
        if self.kind in words:
            return words[self.kind]
        unit = " s" if self.kind == "latency" else ""
        return f"at {'least' if self.kind == 'processes' else 'most'} {self.limit:g}{unit}"


@dataclass(frozen=True)
class Seen:
    """A condition at one moment. `left`: how much is left to do, None where that cannot be counted.

    `outcomes`: how many jobs have which outcome, None where the condition is not about outcomes.
    """

    condition: Condition
    observed: t.Any
    met: bool
    left: float | None = None
    outcomes: t.Mapping[str, int] | None = None


def _name(name: str, written: t.Any, number: int) -> str:
    """A name that can be one by its form: one that cannot would be met at once, as nothing has it."""
    kind = _KINDS.get(name)
    return str(written) if kind is None else parse_name(kind, f"until, entry {number}: {name}", str(written))


def parse_condition(entry: t.Mapping[str, t.Any], number: int) -> Condition:
    """The condition in an entry of the option. Raises BadOption, with the entry's number (from 1)."""
    given = {name: value for name, value in entry.items() if value is not None}
    kinds = [name for name in FILTERS if name in given]
    if len(kinds) != 1:
        raise BadOption(
            f"until, entry {number}: it needs exactly one of {', '.join(FILTERS)}; write one entry for each."
        )
    kind = kinds[0]
    wrong = [name for name in given if name != kind and name not in FILTERS[kind]]
    if wrong:
        raise BadOption(f"until, entry {number}: {', '.join(wrong)} does not go with {kind}.")
    if kind == "jids":
        jids = dict.fromkeys(_name("jid", jid, number) for jid in given[kind])
        return Condition(kind, 0.0, {}, jids=tuple(jids), since=given.get("since", 0.0))
    only = {name: _name(name, given[name], number) for name in FILTERS[kind] if name in given}
    if kind in ("size", "latency", "due") and len(only) != 1:
        raise BadOption(f"until, entry {number}: {kind} needs {' or '.join(FILTERS[kind])}.")
    if kind in ("gone", "jid"):
        return Condition(kind, 0.0, only, _name(kind, given[kind], number))
    if kind == "schedule_moving":
        if not given[kind]:
            raise BadOption(f"until, entry {number}: schedule_moving can only be waited for as true.")
        return Condition(kind, 0.0, only)
    limit = seconds(given[kind], f"until, entry {number}: latency") if kind == "latency" else given[kind]
    if not 0 <= limit <= _LARGEST:
        raise BadOption(f"until, entry {number}: {kind} must be from 0 to {_LARGEST}.")
    return Condition(kind, limit, only)


def parts(conditions: t.Iterable[Condition]) -> set[str]:
    """The parts of a snapshot that these need; the processes are always among them."""
    parts_of_snapshot = {"processes"}
    for condition in conditions:
        parts_of_snapshot.update(_PARTS.get(condition.kind, ()), ("queues",) if "queue" in condition.only else ())
    return parts_of_snapshot


def queues(conditions: t.Iterable[Condition]) -> list[str]:
    """Names of queues that these are about."""
    return list(dict.fromkeys(condition.only["queue"] for condition in conditions if "queue" in condition.only))


def doubts(conditions: t.Iterable[Condition], snapshot: Snapshot) -> list[str]:
    """A warning for each queue of which nobody has heard: it is empty, so that a mistyped name ends a wait at once."""
    known = {queue.name for queue in snapshot.queues or ()}.union(*(process.queues for process in snapshot.alive))
    return [no_such_queue("until", name) for name in unknown_queues(queues(conditions), known)]


def look(
    condition: Condition, snapshot: Snapshot, places: t.Mapping[str | bytes, str], outcomes: t.Mapping[str, str]
) -> Seen:
    """How a condition stands. `places`: where the jobs are that are waited for, by jid; one that is nowhere has finished.

    `outcomes`: of the jobs of this condition, by jid.
    """
    if condition.kind == "jids":
        counts = count(outcomes.values())
        left = sum(counts[name] for name in OPEN)
        standing = ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "no job"
        return Seen(condition, standing, not left, float(left), counts)
    if condition.kind == "gone":
        there = any(process.identity == condition.subject for process in snapshot.alive)
        return Seen(condition, "there" if there else "gone", not there)
    if condition.kind == "jid":
        place = places.get(condition.subject)
        if place == "dead":
            raise BadOption(
                f"The job {condition.subject} is dead, so it will not finish. sidekiq_job can run it again."
            )
        return Seen(condition, "finished" if place is None else place, place is None, 0.0 if place is None else 1.0)
    if condition.kind == "schedule_moving":
        late = _late(snapshot)
        return Seen(condition, f"{late} overdue" if late else "moving", not late, float(late))
    observed = _number(condition, snapshot)
    missing = condition.limit - observed if condition.kind == "processes" else observed - condition.limit
    return Seen(condition, observed, missing <= 0, max(0.0, float(missing)))


def _number(condition: Condition, snapshot: Snapshot) -> int | float:
    only = condition.only
    if condition.kind == "processes":
        return sum(1 for process in snapshot.alive if not process.quiet and _is_meant(process, only))
    if condition.kind == "busy":
        meant = {process.identity for process in snapshot.alive if _is_meant(process, {**only, "queue": ""})}
        return sum(
            1
            for work in snapshot.work or ()
            if work.identity in meant
            and only.get("queue") in (None, work.queue)
            and ("class" not in only or glob_matcher([only["class"]])(work.job.display_class or ""))
        )
    if "set" in only:
        job_set = (snapshot.sets or {})[only["set"]]
        return job_set.due if condition.kind == "due" else job_set.size
    queue = next((queue for queue in snapshot.queues or () if queue.name == only["queue"]), None)
    if condition.kind == "latency":
        return round((queue.latency or 0.0) if queue else 0.0, 3)
    return queue.size if queue else 0


def _is_meant(process: Process, only: t.Mapping[str, str]) -> bool:
    return (
        only.get("hostname") in (None, process.hostname)
        and only.get("tag") in (None, process.tag)
        and only.get("identity") in (None, process.identity)
        and (not only.get("queue") or only["queue"] in process.queues)
    )


def _late(snapshot: Snapshot) -> int:
    """Sets and recurring jobs that are behind, by the thresholds of the health rules."""
    limits, sets = Thresholds(), snapshot.sets or {}
    late = [
        name
        for name in ("retry", "scheduled")
        if sets[name].due and (sets[name].oldest_at or snapshot.taken_at) < snapshot.taken_at - limits.due_late
    ]
    recurring = [job for job in snapshot.schedule or () if (job.overdue_by or 0.0) > limits.recurring_late]
    return len(late) + len(recurring)
