# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the modules that only read do: a snapshot, and its judgement.

Each run of a module compiles all that it imports: what only some tasks need is imported where they need it.
"""

from __future__ import annotations

import typing as t
from dataclasses import fields

from ..._mastodon.diagnosis.finding import SEVERITIES
from ..._mastodon.diagnosis.thresholds import MASTODON_LATENCY, Thresholds
from ..._mastodon.jobs.names import parse_names
from ..._mastodon.jobs.worker_classes import LONG_RUNNING
from ..._sidekiq.state.snapshot import Snapshot, read_snapshot
from ..._sidekiq.times import iso
from ..._sidekiq.traversal.location import wrong_type
from .. import output
from ..ending import Result
from ..run_redis import Session

SECTIONS: t.Final[t.Mapping[str, t.Collection[str]]] = {
    "totals": ("counters", "queues", "sets", "processes"),
    "queues": ("queues", "processes"),
    "sets": ("sets",),
    "processes": ("processes",),
    "busy": ("work",),
    "schedule": ("schedule",),
    "locks": (),
    "redis": ("server",),
}
"""Section of the module -> parts of the snapshot that it needs."""

INFO_OPTIONS: t.Final = {
    "sections": {
        "type": "list",
        "elements": "str",
        "choices": list(SECTIONS),
        "default": [name for name in SECTIONS if name != "locks"],
    },
    "lock_min_age": {"type": "float", "default": 300},
    "heartbeat_timeout": {"type": "float", "default": 15},
}

HEALTH_OPTIONS: t.Final = {
    "queue_latency": {"type": "dict", "default": dict(MASTODON_LATENCY)},
    "queue_latency_other": {"type": "float", "default": 300},
    "queue_latency_critical_factor": {"type": "float", "default": 10},
    "queue_size_warning": {"type": "int", "default": 500},
    "queue_size_critical": {"type": "int", "default": 1000},
    "busy_warning": {"type": "float", "default": 60},
    "busy_critical": {"type": "float", "default": 600},
    "long_running_classes": {"type": "list", "elements": "str", "default": list(LONG_RUNNING)},
    "long_running_warning": {"type": "float", "default": 3600},
    "long_running_critical": {"type": "float", "default": 21600},
    "rss_warning": {"type": "bytes", "default": "500M"},
    "rss_critical": {"type": "bytes", "default": "1G"},
    "redis_memory_warning": {"type": "float", "default": 0.8},
    "redis_memory_critical": {"type": "float", "default": 0.95},
    "heartbeat_late": {"type": "float", "default": 30},
    "due_late": {"type": "float", "default": 60},
    "recurring_late": {"type": "float", "default": 300},
    "domain_share": {"type": "float", "default": 0.5},
    "export_wait": {"type": "float", "default": 3600},
    "deaths_per_hour": {"type": "int", "default": 10},
    "lock_age": {"type": "float", "default": 300},
    "clock_offset": {"type": "float", "default": 5},
    "survey_limit": {"type": "int", "default": 100000},
    "heartbeat_timeout": {"type": "float", "default": 15},
    "busy_limit": {"type": "int", "default": 10},
}


def info(session: Session) -> Result:
    """The chosen sections of a snapshot."""
    sections = session.options["sections"]
    parts = {part for name in sections for part in SECTIONS[name]}
    snapshot = read_snapshot(session.client, session.key, parts)
    result = {**_about(session, snapshot), "warnings": [wrong_type(name) for name in snapshot.wrong_types]}
    for name in sections:
        result[name] = _section(name, session, snapshot)
    return result


def health(session: Session) -> Result:
    """A snapshot with all its parts, a survey of the jobs, and what the rules say of both."""
    from ..._mastodon.diagnosis.judge import judge
    from ..._mastodon.diagnosis.survey import take_survey
    from ..._mastodon.diagnosis.view import View

    options = session.options
    given = {field.name: options[field.name] for field in fields(Thresholds)}
    given["long_running_classes"], _none = parse_names(
        "classes", "long_running_classes", options["long_running_classes"]
    )
    limits = Thresholds(**given)
    snapshot = read_snapshot(session.client, session.key)
    survey = take_survey(
        session.client,
        session.key,
        snapshot,
        options["survey_limit"],
        limits.lock_age,
        options["heartbeat_timeout"],
    )
    findings = judge(View(snapshot, survey, limits, options["systemd_unit"]))
    return {
        **_about(session, snapshot),
        "findings": [output.finding(finding) for finding in findings],
        "counts": {severity: sum(1 for finding in findings if finding.severity == severity) for severity in SEVERITIES},
        "worst": findings[0].severity if findings else "none",
        "totals": output.totals(snapshot),
        "queues": output.queues(snapshot),
        "busy": output.busy(snapshot)[: max(0, options["busy_limit"])],
        "redis": _section("redis", session, snapshot),
    }


def _about(session: Session, snapshot: Snapshot) -> Result:
    return {
        "changed": False,
        "server": session.server,
        "taken_at": iso(snapshot.taken_at),
        "taken_epoch": round(snapshot.taken_at, 3),
    }


def _section(name: str, session: Session, snapshot: Snapshot) -> t.Any:
    if name == "locks":
        from ..._sidekiq.edit.unique_locks import audit

        min_age, timeout = session.options["lock_min_age"], session.options["heartbeat_timeout"]
        report = audit(session.client, session.key, snapshot.taken_at, min_age, timeout)
        return output.locks(report, snapshot.taken_at)
    if name == "redis":
        return output.redis(snapshot.server) if snapshot.server else {}
    return getattr(output, name)(snapshot)
