# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Rules about processes: gone, quiet, crashed, late, too big, not alike."""

from __future__ import annotations

import typing as t

from ..._sidekiq.humanize import duration, size
from .finding import Finding
from .view import RESTART, View, is_plain, jobs, playbook, task


def no_process(view: View) -> t.Iterator[Finding]:
    """Nobody works."""
    if not view.snapshot.alive:
        yield Finding(
            "no_process",
            "critical",
            "processes",
            f"No Sidekiq process is alive; {jobs(view.snapshot.enqueued)} wait in the queues.",
            f"systemctl start {view.unit}; if it does not stay up: journalctl -u {view.unit} -n 100",
            {"ghosts": len(view.snapshot.ghosts), "enqueued": view.snapshot.enqueued},
        )


def all_quiet(view: View) -> t.Iterator[Finding]:
    """Everybody was told to stop taking jobs; a quiet process never resumes."""
    alive = view.snapshot.alive
    if alive and all(process.quiet for process in alive):
        yield Finding(
            "all_quiet",
            "critical",
            "processes",
            f"All {len(alive)} live processes are quiet: they finish what runs and take nothing new; retries do not move either.",
            f"A quiet process cannot be woken up. To let it end what runs, and start a new one: {playbook('restart')}.",
            {"processes": [process.identity for process in alive]},
        )


def ghosts(view: View) -> t.Iterator[Finding]:
    """Dead members of the registry: they crashed. What they ran is lost; the rest polls more slowly."""
    dead = view.snapshot.ghosts
    if dead:
        lost = [work for work in view.snapshot.work or () if work.identity in {ghost.identity for ghost in dead}]
        with_jobs = f" Their last record names {jobs(len(lost))} that ran." if lost else ""
        replaced = [ghost.identity for ghost in dead if ghost.superseded]
        yield Finding(
            "ghost_processes",
            "warning",
            "processes",
            f"{_are_dead(len(dead), len(replaced))}: crashed or killed.{with_jobs}",
            _restore(replaced)
            + f"Find out why it died: journalctl -u {view.unit} | grep -iE 'killed|oom|status='. Opening /sidekiq/busy as an admin prunes the entries.",
            {
                "processes": [ghost.identity for ghost in dead],
                "superseded": replaced,
                "jobs": [work.job.jid for work in lost],
            },
        )


def _are_dead(number: int, replaced: int) -> str:
    """Without a heartbeat, or with one that has not expired although a newer process has its host name and pid."""
    expired = number - replaced
    parts = (
        [f"{expired} process{' is' if expired == 1 else 'es are'} registered without a heartbeat"] if expired else []
    )
    if replaced:
        parts.append(
            f"{replaced} process{' is' if replaced == 1 else 'es are'} dead, as a newer one has the same host name and pid"
        )
    return ", and ".join(parts)


def _restore(replaced: t.Sequence[str]) -> str:
    plain = [identity for identity in replaced if is_plain(identity)]
    if not plain:
        return ""
    command = task("sidekiq_process", f"state=stopped identities={','.join(plain)}")
    return f"Within a minute of the last heartbeat this restores what still ran: {command}. "


def late_heartbeat(view: View) -> t.Iterator[Finding]:
    """Alive by its hash, but the last beat (every 5 s in Sidekiq 6, 10 s from 7 on) is old: the process hangs or Redis is slow."""
    for process in view.snapshot.alive:
        if process.beat_age is not None and process.beat_age > view.limits.heartbeat_late:
            yield Finding(
                "heartbeat_late",
                "warning",
                f"process {process.identity}",
                f"The last heartbeat is {duration(process.beat_age)} old (limit {duration(view.limits.heartbeat_late)}).",
                f"See whether it hangs: systemctl kill -s TTIN {view.unit} writes where every thread stands to the journal. If nothing comes,"
                " it hangs, and systemctl restart would lose its jobs. Within a minute of its last heartbeat, on its host, this puts back those that"
                f" Redis knows: {_killed(process.identity)}.",
                {"beat_age": process.beat_age},
            )


def _killed(identity: str) -> str:
    if not is_plain(identity):
        return "sidekiq_process in a playbook, with state: stopped and signal: KILL (its identity cannot be written in a command)"
    return task("sidekiq_process", f"state=stopped signal=KILL identities={identity}")


def memory(view: View) -> t.Iterator[Finding]:
    """Resident memory of a process."""
    for process in view.snapshot.alive:
        rss = process.rss_bytes
        if rss is None or rss <= view.limits.rss_warning:
            continue
        yield Finding(
            "process_memory",
            "critical" if rss > view.limits.rss_critical else "warning",
            f"process {process.identity}",
            f"Uses {size(rss)} of memory with {process.concurrency} threads.",
            f"Restart it: {RESTART}. For good: fewer threads in a process, and jemalloc (LD_PRELOAD=libjemalloc.so, MALLOC_ARENA_MAX=2).",
            {"rss_bytes": rss, "limit": view.limits.rss_warning},
        )


def versions(view: View) -> t.Iterator[Finding]:
    """Different Sidekiq versions at once: after an upgrade somebody was not restarted."""
    releases = {process.version for process in view.snapshot.alive if process.version}
    if len(releases) > 1:
        yield Finding(
            "versions_mixed",
            "notice",
            "processes",
            f"Processes of different Sidekiq versions run side by side: {', '.join(sorted(releases))}.",
            f"Restart the older ones, as they may read the times of newer jobs wrongly: {playbook('restart')}.",
            {"versions": {process.identity: process.version for process in view.snapshot.alive}},
        )


def clocks(view: View) -> t.Iterator[Finding]:
    """Heartbeats from the future, or this host's clock away from that of Redis: latencies and schedules shift."""
    limit = view.limits.clock_offset
    ahead = {
        process.identity: -process.beat_age
        for process in view.snapshot.alive
        if process.beat_age is not None and process.beat_age < -limit
    }
    offset = view.snapshot.clock_offset
    if not ahead and abs(offset) <= limit:
        return
    worst = max([abs(offset), *ahead.values()])
    yield Finding(
        "clocks_disagree",
        "warning",
        "clocks",
        f"Clocks differ by {duration(worst)}: latencies are wrong and scheduled jobs run at the wrong time.",
        "Set the clocks by NTP: timedatectl set-ntp true, on the hosts of Redis and of Sidekiq.",
        {"host_ahead_of_redis": offset, "processes_ahead_of_redis": ahead},
    )
