# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Rules about running jobs: too long, all threads held, one remote domain."""

from __future__ import annotations

import typing as t
from collections import Counter

from ..._sidekiq.humanize import duration
from ..jobs.worker_classes import remote_domain
from .finding import Finding
from .view import RESTART, View, jobs, most, runbook

_LEAST_THREADS = 3


def running_long(view: View) -> t.Iterator[Finding]:
    """Jobs that run longer than their class may, one finding for each class."""
    over: dict[str, list[t.Any]] = {}
    for work in view.snapshot.running:
        allowed, _critical = view.limits.running(work.job.display_class)
        if work.elapsed is not None and work.elapsed > allowed:
            over.setdefault(work.job.display_class or "?", []).append(work)
    for name, works in sorted(over.items(), key=lambda item: -len(item[1])):
        longest = max(work.elapsed for work in works)
        allowed, critical = view.limits.running(name)
        yield Finding(
            "job_running_long",
            "critical" if longest > critical else "warning",
            f"class {name}",
            f"{jobs(len(works))} run{'s' if len(works) == 1 else ''} longer than {duration(allowed)}, the longest for {duration(longest)}.",
            f"See where they stand: systemctl kill -s TTIN {view.unit}, then journalctl -u {view.unit}. A running job cannot be stopped alone."
            f" To restart its process, so that what still runs there goes back to its queue: {RESTART}.",
            {"jobs": [work.job.jid for work in works[:20]], "count": len(works), "longest": longest, "limit": allowed},
        )


def threads_held(view: View) -> t.Iterator[Finding]:
    """Every thread of a process has been busy with one and the same job for too long: it takes nothing new."""
    for process in view.snapshot.alive:
        held = [
            work for work in view.snapshot.running if work.identity == process.identity and work.elapsed is not None
        ]
        shortest = min((work.elapsed for work in held if work.elapsed is not None), default=0.0)
        if process.concurrency and len(held) >= process.concurrency and shortest > view.limits.busy_warning:
            classes = Counter(work.job.display_class or "?" for work in held)
            yield Finding(
                "threads_all_held",
                "critical",
                f"process {process.identity}",
                f"All {process.concurrency} threads have been held for more than {duration(shortest)} ({most(classes)}): it takes no new job.",
                f"Workers for the queues that wait, for a time: {runbook('backlog_recovery')}. Then restart this process, if its jobs may be"
                " repeated: fediverse.mastodon.restart with -e restart_force=true.",
                {"threads": process.concurrency, "held_for_at_least": shortest, "classes": dict(classes)},
            )


def domain_holds_threads(view: View) -> t.Iterator[Finding]:
    """One remote server holds more than its share of all threads; a dead one costs 10 to 15 s an attempt."""
    threads = sum(process.concurrency for process in view.snapshot.alive)
    domains = Counter(filter(None, (remote_domain(work.job) for work in view.snapshot.running)))
    for domain, held in domains.most_common(1):
        if not threads or held < _LEAST_THREADS or held <= threads * view.limits.domain_share:
            continue
        yield Finding(
            "domain_holds_threads",
            "critical" if held >= threads * 0.8 else "warning",
            f"domain {domain}",
            f"Jobs for {domain} hold {held} of {threads} threads.",
            f"See whether it answers: curl -sSm 10 https://{domain}/.well-known/nodeinfo. If it is gone, Moderation > Federation > {domain} >"
            " Stop delivery makes its deliveries end at once. To take its jobs out (into an archive) until it answers again:"
            f" {runbook('federation_rescue', 'federation_rescue_actions=quarantine', f'federation_rescue_domains={domain}')}.",
            {"held": held, "threads": threads, "domains": dict(domains.most_common(5))},
        )
