# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which processes are meant, and which of their running jobs: a pure function of a snapshot."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..._sidekiq.globs import domain_matcher, glob_matcher
from ..._sidekiq.state.process import Process, Work
from ..jobs import aliases
from ..jobs.worker_classes import remote_domain

Names = t.Optional[t.Sequence[str]]
"""A condition that one of them fulfils: None is no condition, and what no name is given for nobody fulfils."""


@dataclass(frozen=True)
class Running:
    """Conditions for a running job, all of which must hold. `longer_than` in seconds."""

    classes: Names = None
    queues: Names = None
    domains: Names = None
    jids: Names = None
    longer_than: float | None = None

    @property
    def empty(self) -> bool:
        return self == Running()


@dataclass(frozen=True)
class Choice:
    """Conditions for a process, all of which must hold; one with `running` holds if it runs such a job."""

    identities: Names = None
    hostnames: Names = None
    tags: Names = None
    queues: Names = None
    running: Running | None = None

    @property
    def empty(self) -> bool:
        return self == Choice()


@dataclass(frozen=True)
class Picked:
    """A process that is meant and what runs in it. `other_jobs`: the jobs that no condition means."""

    process: Process
    jobs: tuple[Work, ...]
    other_jobs: tuple[Work, ...]


def pick(processes: t.Iterable[Process], work: t.Iterable[Work], choice: Choice) -> list[Picked]:
    """The processes that are meant, in their order."""
    running: dict[str, list[Work]] = {}
    for work_unit in work:
        running.setdefault(work_unit.identity, []).append(work_unit)
    picked = []
    for process in processes:
        jobs = tuple(running.get(process.identity, ()))
        meant = [work_unit for work_unit in jobs if choice.running is not None and _is_meant(work_unit, choice.running)]
        if _is_picked(process, choice) and (choice.running is None or meant):
            picked.append(Picked(process, jobs, tuple(work_unit for work_unit in jobs if work_unit not in meant)))
    return picked


def translated(running: Running) -> tuple[Running, list[str]]:
    """With the names that articles use taken for what they mean, and a warning for each."""
    if running.classes is None:
        return running, []
    classes, warnings = aliases.translate(running.classes, aliases.CLASSES, "worker class")
    return replace(running, classes=classes), warnings


def _is_picked(process: Process, choice: Choice) -> bool:
    conditions: list[tuple[Names, t.Sequence[str | None]]] = [
        (choice.identities, [process.identity]),
        (choice.hostnames, [process.hostname]),
        (choice.tags, [process.tag]),
        (choice.queues, process.queues),
    ]
    return all(wanted is None or not set(wanted).isdisjoint(values) for wanted, values in conditions)


def _is_meant(work_unit: Work, running: Running) -> bool:
    if running.longer_than is not None and (work_unit.elapsed is None or work_unit.elapsed <= running.longer_than):
        return False
    if running.jids is not None and work_unit.job.jid not in running.jids:
        return False
    if running.queues is not None and work_unit.queue not in running.queues:
        return False
    name = work_unit.job.display_class or ""
    if running.classes is not None and not glob_matcher(running.classes)(name):
        return False
    return running.domains is None or domain_matcher(running.domains)(remote_domain(work_unit.job))
