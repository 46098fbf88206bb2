# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Notes on a recommendation: processes that use much memory, and a setting that Sidekiq does not read."""

from __future__ import annotations

import re
import typing as t

from ...._sidekiq.humanize import size
from ...diagnosis.thresholds import Thresholds
from ..host import Host
from .machine import Machine, Preferences


def notes(host: Host, machine: Machine, preferences: Preferences, thread_memory: int) -> list[str]:
    """Sentences about what runs on this host."""
    return [
        *_large_processes(host, machine, preferences, thread_memory),
        *filter(None, [concurrency_ignored(host)]),
    ]


def concurrency_ignored(host: Host) -> str:
    """Why `concurrency` in config/sidekiq.yml has no effect; empty if it has."""
    concurrency = host.command.concurrency
    if concurrency is None:
        return ""
    return (
        f"{host.stock_name} starts Sidekiq with -c {concurrency}, which wins: concurrency in config/sidekiq.yml has no effect"
        " on this host."
    )


def _large_processes(host: Host, machine: Machine, preferences: Preferences, thread_memory: int) -> t.Iterator[str]:
    limit = Thresholds().rss_critical
    large = max(
        (process for process in machine.processes if process.rss > limit), key=lambda one: one.rss, default=None
    )
    if large is None:
        return
    yield (
        f"A process of {large.threads} threads uses {size(large.rss)} (more than {size(limit)}). Each thread less saves about"
        f" {size(thread_memory)}. The same threads in two processes need {size(preferences.process_memory)} more, not less."
    )
    if not _loads_jemalloc(host):
        yield (
            "jemalloc is not loaded, which keeps processes smaller. Install libjemalloc2 and set jemalloc: true in workers_units"
            " (role workers)."
        )


def _loads_jemalloc(host: Host) -> bool:
    """Whether the loader finds what LD_PRELOAD names. Debian's libjemalloc2 has no libjemalloc.so, which Mastodon's unit names."""
    names = [name for name in re.split(r"[:\s]+", host.variable("LD_PRELOAD") or "") if "jemalloc" in name]
    return any(name.startswith("/") or (host.jemalloc and name.startswith(host.jemalloc)) for name in names)
