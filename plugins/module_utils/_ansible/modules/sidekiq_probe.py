# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module that probes queues does."""

from __future__ import annotations

import typing as t

from ..._mastodon.jobs.names import parse_names
from ..._mastodon.processes.queue_probe import WORKER, new_probe, send
from ..._sidekiq.duration import seconds
from ..._sidekiq.state.job import parse
from ..._sidekiq.state.payload import writes_milliseconds
from ..._sidekiq.state.snapshot import read_snapshot
from ..._sidekiq.traversal.location import Place, check_types
from ..ending import Result
from ..run_redis import Session, refuse_unwritable

OPTIONS: t.Final = {
    "queues": {"type": "list", "elements": "str"},
    "timeout": {"type": "str", "default": "30s"},
    "worker": {"type": "str", "default": WORKER},
    "args": {"type": "list", "elements": "raw", "default": [0]},
}


def probe(session: Session) -> Result:
    """Send a job through each queue, and say which took it."""
    options = session.options
    timeout = seconds(options["timeout"], "timeout")
    snapshot = read_snapshot(session.client, session.key, ("server", "queues", "processes"))
    refuse_unwritable(snapshot, session)
    takers = [process for process in snapshot.processes or () if process.alive and not process.quiet]
    served = {queue for process in takers for queue in process.queues}
    known = {queue.name: queue for queue in snapshot.queues or ()}
    given = options["queues"]
    wanted = sorted({*known, *served}) if given is None else parse_names("queues", "queues", given)[0]
    unserved = [name for name in wanted if name not in served]
    versions = [process.version for process in takers]
    milliseconds = writes_milliseconds(parse(b"{}"), versions)
    probes = [
        new_probe(name, options["worker"], options["args"], snapshot.taken_at, milliseconds)
        for name in wanted
        if name in served
    ]
    check_types(session.client, session.key, [Place("queues", probe.queue.encode()) for probe in probes])
    if not session.check_mode:
        send(session.client, session.key, probes, timeout)
    probe_of = {probe.queue: probe for probe in probes}
    queues = []
    for name in wanted:
        sent = probe_of.get(name)
        passed = sent is not None and sent.taken is not None
        reason = None
        if name in unserved:
            reason = "no process takes jobs from it"
        elif sent is not None and not passed:
            reason = (
                "not sent in check mode"
                if session.check_mode
                else f"{sent.ahead} jobs were before it, it was not taken within {timeout:g} s"
            )
        queues.append(
            {
                "name": name,
                "passed": passed,
                "ahead": sent.ahead if sent else 0,
                "seconds": None if sent is None or sent.taken is None else round(sent.taken, 2),
                "reason": reason,
            }
        )
    return {
        "changed": bool(probes),
        "server": session.server,
        "queues": queues,
        "passed": bool(queues) and all(entry["passed"] for entry in queues),
        "reason": _reason(queues, given),
        "diff": {"before": {"probes": 0}, "after": {"probes": len(probes)}},
    }


def _reason(queues: t.Sequence[Result], given: t.Sequence[str] | None) -> str | None:
    if not queues:
        there_is = "no queue is registered, and no process serves one" if given is None else "queues is empty"
        return f"nothing was probed: {there_is}"
    return "; ".join(f"{entry['name']}: {entry['reason']}" for entry in queues if not entry["passed"]) or None
