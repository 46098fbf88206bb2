# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the runbook for federation decides: whom to look at, what to put back next."""

from __future__ import annotations

import typing as t
from collections import defaultdict

from ..._sidekiq.duration import seconds
from ..._sidekiq.errors import BadOption, at_least
from ..jobs.names import is_server

Shape = dict[str, t.Any]

_MANY: t.Final = 5
"""Threads that a server may hold before it is looked at, also if none of its jobs is stuck."""
_FROM_CANARY: t.Final = 10
_LARGEST_PART: t.Final = 10_000
"""Jobs whose ids sidekiq_archive returns, so that their outcomes can be waited for."""


def look(
    busy: t.Sequence[t.Mapping[str, t.Any]],
    failing: t.Mapping[str, int],
    stuck_after: t.Any,
    wanted: t.Sequence[str],
    shown: int,
) -> Shape:
    """Who holds threads, and which servers to look at closely: those that are asked for, else the suspects.

    `busy` as sidekiq_info returns it; `failing`: domain -> jobs in the retry set. `skipped`: names in jobs that no server can
    have; whoever sent the activity chose them, and no module is asked about them. `named`: those looked at that are no patterns.
    """
    limit = seconds(stuck_after, "federation_rescue_stuck_after")
    running: dict[str, list[float]] = defaultdict(list)
    for work in busy:
        if work.get("domain"):
            running[work["domain"]].append(work.get("elapsed") or 0.0)
    holders: list[Shape] = [
        {
            "domain": domain,
            "threads": len(ages),
            "stuck": sum(1 for age in ages if age >= limit),
            "oldest": max(ages),
        }
        for domain, ages in running.items()
    ]
    holders.sort(key=lambda holder: (-holder["stuck"], -holder["threads"], holder["domain"]))
    servers = [holder for holder in holders if is_server(holder["domain"])]
    suspects = [holder["domain"] for holder in servers if holder["stuck"] or holder["threads"] >= _MANY]
    worst = [domain for domain in failing if is_server(domain) and domain not in suspects]
    total = sum(failing.values())
    suspects += [domain for domain in worst if failing[domain] >= max(100, total / 4)]
    closely = list(wanted or suspects)[: max(0, int(shown))]
    return {
        "busy": len(busy),
        "remote": sum(holder["threads"] for holder in holders),
        "holders": holders,
        "stuck_domains": [holder["domain"] for holder in servers if holder["stuck"]],
        "suspects": suspects,
        "closely": closely,
        "named": [domain for domain in closely if is_server(domain)],
        "skipped": sorted(domain for domain in {*running, *failing} if not is_server(domain)),
    }


def refusals(actions: t.Sequence[str], domains: t.Sequence[str], confirmed: t.Sequence[str]) -> list[str]:
    """Why these actions must not be done, in sentences; nothing where they may."""
    reasons = []
    for action in actions:
        if action not in ACTIONS:
            reasons.append(f"There is no action {action}; there are {', '.join(ACTIONS)}.")
        elif action in EFFECTS and action not in confirmed:
            reasons.append(f"{action}: {EFFECTS[action]} If that is what you want: federation_rescue_confirm={action}.")
    if any(action in _ON_DOMAINS for action in actions) and not domains:
        reasons.append("Name the servers in federation_rescue_domains; a run without actions says which are suspect.")
    if any(not domain.strip("*?. []!") for domain in domains):
        reasons.append("federation_rescue_domains: a pattern for all servers is not what this runbook is for.")
    if "release" in actions and {"quarantine", "delete"} & set(actions):
        reasons.append("release puts back what quarantine and delete take out: choose one of them.")
    for action in ("purge", "block"):
        if action in actions and any(set(domain) & set("*?[]") for domain in domains):
            reasons.append(f"{action} wants names of servers, not patterns.")
    return reasons


ACTIONS: t.Final = ("quarantine", "stop_stuck", "release", "delete", "unfollow", "purge", "block")
_ON_DOMAINS: t.Final = {"quarantine", "release", "delete", "purge", "block"}

EFFECTS: t.Final = {
    "delete": (
        "takes the servers' jobs out of all queues and sets. What they would have delivered never arrives. They stay in an"
        " archive until you delete that file; undo puts them back, release does not."
    ),
    "unfollow": (
        "makes every local follower of the accounts unfollow them (tootctl accounts unfollow). It has no dry run, cannot be"
        " undone, sends an Undo to the very server that is in trouble, and takes no job out of any queue."
    ),
    "purge": (
        "removes every account, post and custom emoji of the servers from this instance at once (tootctl domains purge)."
        " Follows in both directions are lost for good. It does not block: they come back as soon as someone looks at them."
    ),
    "block": (
        "changes what this instance takes from the servers (Mastodon's admin API). It takes no job out of any queue and stops"
        " no delivery to them. noop rejects only their media or reports, if you say so; silence hides their posts from whoever"
        " does not follow them; suspend deletes their accounts and posts here and cuts follows in both directions for good, also"
        " when the block is taken back, and adds deliveries to these very servers."
    ),
}
"""What really happens, for whom has to confirm it."""


def quarantines(records: t.Sequence[t.Mapping[str, t.Any]], runs: t.Sequence[str] = ()) -> list[str]:
    """The archives of the runs that put servers into quarantine and were not undone, oldest first.

    `records` as run_record_info returns them, newest first. `runs`: only of these runs.
    """
    archives = []
    for record in reversed(records):
        chosen = record["run"] in runs if runs else record["undone_at"] is None
        if record["runbook"] != "federation_rescue" or not chosen:
            continue
        archives += [
            step["archive"] for step in record["steps"] if step.get("did") == "quarantine" and step.get("archive")
        ]
    return list(dict.fromkeys(archives))


def release_steps(pending: t.Sequence[t.Mapping[str, t.Any]], canary: int, batch: int) -> list[Shape]:
    """In which parts to put archives back: a canary first, then ten times as many each time up to `batch`.

    Jobs of the queues come first, as they run at once and so show whether the servers answer; retries run when they are due.
    `pending`: for each archive what sidekiq_archive says in check mode. One that cannot be read is left out.
    """
    for name, number in (("canary", canary), ("release_batch", batch)):
        at_least(1, f"federation_rescue_{name}", number)
    if batch > _LARGEST_PART:
        raise BadOption(f"federation_rescue_release_batch must be at most {_LARGEST_PART}, not {batch}.")
    steps: list[Shape] = []
    size = min(canary, batch)
    for name in ("queues", "retry", "scheduled"):
        for quarantine in pending:
            left = (quarantine.get("by_set") or {}).get(name, 0)
            while left > 0:
                limit = min(size, left)
                steps.append({"archive": quarantine["archive"], "set": name, "limit": limit, "canary": not steps})
                left -= limit
                size = min(batch, size * _FROM_CANARY)
    return steps


def verdict(
    released: int, outcomes: t.Mapping[str, int] | None, known: bool, most: float, timeout: str, problem: str = ""
) -> str | None:
    """Why not to go on with the release; null if it may go on.

    `outcomes`: of the released jobs, as sidekiq_wait counts them; `known`: whether it is certain. `most`: share of the
    jobs that were tried that may fail. `problem`: why the outcomes could not be read.
    """
    if not released:
        return None
    if outcomes is None:
        return f"What became of the {released} released jobs could not be read. {problem}".strip()
    jobs = f"of the {released} released jobs"
    failed, without_id = outcomes["failed"], max(0, released - sum(outcomes.values()))
    if failed + without_id > most * max(1, released - outcomes["later"]):
        nameless = f", and {without_id} have no id, so that nobody can say what became of them" if without_id else ""
        return f"{failed} {jobs} failed{nameless}."
    if outcomes["waiting"]:
        return f"{outcomes['waiting']} {jobs} still wait after {timeout}: no process works them off."
    if outcomes["running"]:
        return f"{outcomes['running']} {jobs} still run after {timeout}."
    if not known:
        return f"It is not certain after {timeout} that all {released} released jobs have ended: a process is silent that may run them."
    return None
