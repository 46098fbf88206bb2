# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the rules look at, and how they say numbers and commands."""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from dataclasses import dataclass

from ..._sidekiq.state.snapshot import Snapshot
from ..jobs.worker_classes import can_be_served
from .finding import Finding
from .survey import Survey
from .thresholds import Thresholds


@dataclass(frozen=True)
class View:
    """A snapshot with all its parts, the survey of its jobs, and where normal ends. `unit`: the systemd unit of Sidekiq."""

    snapshot: Snapshot
    survey: Survey
    limits: Thresholds
    unit: str


Rule = t.Callable[[View], t.Iterator[Finding]]


def most(counter: Counter[str], number: int = 3) -> str:
    """The most frequent ones with their counts: `a 20, b 3`."""
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common(number))


def is_plain(name: str) -> bool:
    """Whether a name can be written in a command: a shell and Ansible read it as one word that means nothing else.

    Whoever enqueues a job makes a queue, and Ansible expands `{{ }}` even in a quoted argument of `ansible -a`.
    """
    return can_be_served(name)


def task(module: str, options: str) -> str:
    """The command that runs a module of this collection on the host; with --check --diff first."""
    return f'ansible HOST -i INVENTORY -b -m fediverse.mastodon.{module} -a "{options}" --check --diff (then without --check)'


def playbook(name: str, *variables: str, then: str = "without --check") -> str:
    """The command that runs a playbook of this collection on the host; with --check --diff first."""
    options = "".join(f" -e {variable}" for variable in variables)
    return f"ansible-playbook -i INVENTORY -l HOST -b fediverse.mastodon.{name}{options} --check --diff (then {then})"


def runbook(name: str, *variables: str) -> str:
    """The same for a playbook that keeps a record of what it does, and so wants a reason."""
    return playbook(name, *variables, then=f"with {name}_reason and without --check")


RESTART: t.Final = playbook("restart", "restart_force=true")
"""The restart that loses no job; `systemctl restart` does."""


def jobs(count: int) -> str:
    """`1 job`, `2,345 jobs`."""
    return f"{count:,} job{'' if count == 1 else 's'}"


def numbers(version: str | None) -> tuple[int, ...]:
    """The numbers of a version, `(8, 1, 7)`. A process may call its version anything: empty for what is none."""
    return tuple(int(part) for part in (version or "").split(".") if re.fullmatch(r"[0-9]{1,6}", part))
