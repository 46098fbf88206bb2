# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which heartbeat in Redis is which process of this host: a pure function.

A heartbeat says pid, host name and when Sidekiq started. The pid is that of the process' own pid namespace. The name is
only a hint: hosts are renamed, containers have an id for a name, and DYNO replaces it. What is not certain stays
unmatched, with the reason.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict
from dataclasses import dataclass, field

from ..._sidekiq.state.process import Process
from .kernel import HostProcess

CLOCKS: t.Final = 5.0
"""Seconds by which the clocks of the kernel and of Sidekiq may differ."""
LONGEST_BOOT: t.Final = 900.0
"""Seconds in which Mastodon boots, from the start of its process to the start of Sidekiq within."""
FIRST_HEARTBEAT: t.Final = 120.0
"""Seconds after which a process without a heartbeat is more than a young one."""


@dataclass(frozen=True)
class Match:
    """`named`: the host name agrees too, which leaves no doubt."""

    heartbeat: Process
    named: bool


@dataclass(frozen=True)
class Matches:
    """By the pid on this host: the heartbeat of each process, or the reason why none is its own.

    `starting`: so young that the first heartbeat may still come.
    """

    found: t.Mapping[int, Match] = field(default_factory=dict)
    reasons: t.Mapping[int, str] = field(default_factory=dict)
    starting: frozenset[int] = frozenset()


def match(processes: t.Sequence[HostProcess], heartbeats: t.Iterable[Process], server: str, now: float) -> Matches:
    """`server` names the Redis of the heartbeats in reasons; `now` in epoch seconds of this host."""
    by_pid: defaultdict[int, list[Process]] = defaultdict(list)
    for heartbeat in heartbeats:
        if heartbeat.alive and heartbeat.pid is not None:
            by_pid[heartbeat.pid].append(heartbeat)
    agreeing = {
        process.pid: [one for one in by_pid[process.inner_pid] if agrees(process, one)] for process in processes
    }
    named = {
        process.pid: _likeliest(process, [one for one in agreeing[process.pid] if one.hostname in process.names])
        for process in processes
    }
    found = {pid: Match(one, True) for pid, one in _unique(named).items()}
    taken = {one.heartbeat.identity for one in found.values()} | {
        one.identity for ones in named.values() for one in ones
    }
    # A host that was renamed: only where the pid is one of the host's own, as every container has the same few.
    renamed = {
        process.pid: [
            one
            for one in agreeing[process.pid]
            if one.identity not in taken and process.title is not None and _gap(process, one) <= LONGEST_BOOT
        ]
        for process in processes
        if process.pid not in found and not named[process.pid] and not process.isolated
    }
    found.update({pid: Match(one, False) for pid, one in _unique(renamed).items()})
    left = [process for process in processes if process.pid not in found]
    reasons = {
        process.pid: _reason(process, by_pid[process.inner_pid], agreeing[process.pid], server, now) for process in left
    }
    young = {process.pid for process in left if now - process.started_at < FIRST_HEARTBEAT}
    return Matches(found, reasons, frozenset(young))


def agrees(process: HostProcess, heartbeat: Process) -> bool:
    """Whether nothing speaks against it: pid, start, and what the title says of version, tag and threads."""
    if heartbeat.pid != process.inner_pid or heartbeat.started_at is None:
        return False
    if process.started_at > heartbeat.started_at + CLOCKS:
        return False  # another process got its pid
    title = process.title
    return title is None or (
        heartbeat.version in (None, title.version)
        and (heartbeat.tag or "") == title.tag
        and heartbeat.concurrency in (0, title.concurrency)
    )


def _gap(process: HostProcess, heartbeat: Process) -> float:
    return (heartbeat.started_at or 0.0) - process.started_at


def _likeliest(process: HostProcess, candidates: list[Process]) -> list[Process]:
    """Of several the ones that started within the time that Mastodon takes to boot."""
    if len(candidates) < 2:
        return candidates
    return [one for one in candidates if _gap(process, one) <= LONGEST_BOOT] or candidates


def _unique(candidates: t.Mapping[int, t.Sequence[Process]]) -> dict[int, Process]:
    """Pairs that are the only ones for both sides."""
    claims: defaultdict[str, int] = defaultdict(int)
    for ones in candidates.values():
        for one in ones:
            claims[one.identity] += 1
    return {pid: ones[0] for pid, ones in candidates.items() if len(ones) == 1 and claims[ones[0].identity] == 1}


def _reason(
    process: HostProcess, same_pid: t.Sequence[Process], agreeing: t.Sequence[Process], server: str, now: float
) -> str:
    age = now - process.started_at
    if len(agreeing) > 1:
        return (
            f"{len(agreeing)} heartbeats in Redis at {server} have its pid {process.inner_pid} and could be its own"
            f" ({_identities(agreeing)})."
        )
    if agreeing:
        return (
            f"The heartbeat {agreeing[0].identity} has its pid, but not its host name ({_names(process)}) or start, and may"
            " belong to another process."
        )
    if age < FIRST_HEARTBEAT:
        return f"It started {max(0.0, age):.0f} s ago and has not sent a heartbeat to Redis at {server} yet."
    if same_pid:
        return f"The heartbeat {_identities(same_pid)} has its pid but not its start, version or threads: it is another process."
    return (
        f"No live heartbeat in Redis at {server} has its pid {process.inner_pid}: the process uses another Redis or database"
        " (is redis_url right?), or it hangs and its heartbeat has expired."
    )


def _identities(heartbeats: t.Sequence[Process]) -> str:
    shown = [one.identity for one in heartbeats[:3]]
    return ", ".join([*shown, f"{len(heartbeats) - 3} more"] if len(heartbeats) > 3 else shown)


def _names(process: HostProcess) -> str:
    return " or ".join(sorted(process.names)) or "unknown"
