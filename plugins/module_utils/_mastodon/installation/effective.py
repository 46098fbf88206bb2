# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a Sidekiq runs with, from everything that has a say in it: a pure function.

The command line wins over config/sidekiq.yml, and the environment of the unit over Mastodon's own files, which Rails loads
later (lib/dotenv/rails.rb). What cannot be told is None, with the reason.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..._sidekiq.errors import BadOption
from ..settings.numbers import first_number, whole_number
from ..settings.release import Release
from ..sidekiq_yml.read import Capsule, SidekiqYml
from .systemd.sidekiq_command import Options, evaluate

DEFAULT_TIMEOUT: t.Final = 25
DEFAULT_QUEUE: t.Final = "default"
_CAPSULES: t.Final = (4, 4, 0)
"""The first release of Mastodon with Sidekiq 7, which has capsules and 5 threads unless something is said."""
_POOL_OF_THREADS: t.Final = (4, 3, 0)
"""The first release whose config/database.yml takes the threads of Sidekiq for the pool."""

Queue = tuple[str, t.Optional[int]]


@dataclass(frozen=True)
class Said:
    """What has a say. `command`: the line of ExecStart=, or None and `why_not`; `environment`: of the unit, its files read.

    `files`: the variables of Mastodon's own files, or None and `why_no_files`. `config`: what config/sidekiq.yml or the
    file of -C says, or None and `why_no_config`.
    """

    command: str | None
    environment: t.Mapping[str, str] = field(default_factory=dict, repr=False)
    files: t.Mapping[str, str] | None = field(default_factory=dict, repr=False)
    config: SidekiqYml | None = field(default_factory=SidekiqYml)
    release: Release | None = None
    why_not: str = ""
    why_no_files: str = ""
    why_no_config: str = ""


@dataclass(frozen=True)
class Effective:
    """What the process gets. `threads`: those of -c or :concurrency:, without the capsules.

    `queues` with their weights, without those of capsules. `unknown`: the reason for each that is None.
    """

    threads: int | None = None
    queues: tuple[Queue, ...] | None = None
    timeout: int | None = None
    pool: int | None = None
    capsules: tuple[Capsule, ...] | None = None
    unknown: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def all_threads(self) -> int | None:
        """With those of the capsules: what Sidekiq calls its concurrency in Redis."""
        if self.threads is None or self.capsules is None:
            return None
        return self.threads + sum(capsule.threads for capsule in self.capsules)

    @property
    def all_queues(self) -> tuple[Queue, ...] | None:
        """With those of the capsules, which have no weights here."""
        if self.queues is None or self.capsules is None:
            return None
        return with_capsules(self.queues, self.capsules)

    @property
    def strict(self) -> bool | None:
        """Whether the first queue with a job always comes first: no queue has a weight."""
        return None if self.queues is None else all(weight is None for _name, weight in self.queues)


def with_capsules(queues: t.Iterable[Queue], capsules: t.Iterable[Capsule]) -> tuple[Queue, ...]:
    """The queues of a process with capsules, each once."""
    served: dict[str, int | None] = {}
    for name, weight in (*queues, *((name, None) for capsule in capsules for name in capsule.queues)):
        served.setdefault(name, weight)
    return tuple(served.items())


def effective(said: Said) -> Effective:
    """What Sidekiq would start with."""
    if said.command is None:
        return _unknown(said.why_not)
    try:
        options = evaluate(said.command, said.environment)
    except BadOption as failure:
        return _unknown(str(failure))
    environment = {**said.environment, **(options.variables or {})}
    unknown: dict[str, str] = {}
    threads = _threads(said, options, environment, unknown)
    found = Effective(
        threads,
        _queues(said, options, unknown),
        _timeout(said, options, unknown),
        None,
        _capsules(said, unknown),
        unknown,
    )
    return replace(found, pool=_pool(said, threads, environment, unknown))


def pool_of_threads(release: Release | None) -> bool:
    """Whether config/database.yml takes the threads for the pool where DB_POOL is not set; before it was MAX_THREADS or 5."""
    return release is None or release >= _POOL_OF_THREADS


def _unknown(why: str) -> Effective:
    return Effective(unknown=dict.fromkeys(("threads", "queues", "timeout", "pool", "capsules"), why))


def _threads(said: Said, options: Options, environment: t.Mapping[str, str], unknown: dict[str, str]) -> int | None:
    if options.concurrency is not None:
        return options.concurrency
    if _is_unclear(said, "concurrency", "threads", unknown):
        return None
    if said.config and said.config.concurrency is not None:
        return said.config.concurrency
    return first_number(environment.get("RAILS_MAX_THREADS"), 5 if _has_capsules(said) else 10)


def _queues(said: Said, options: Options, unknown: dict[str, str]) -> tuple[Queue, ...] | None:
    if options.queues:
        return options.queues
    if _is_unclear(said, "queues", "queues", unknown):
        return None
    names = said.config.queues if said.config else ()
    weights = said.config.weights if said.config else {}
    return tuple((name, weights.get(name)) for name in names or (DEFAULT_QUEUE,))


def _timeout(said: Said, options: Options, unknown: dict[str, str]) -> int | None:
    if options.timeout is not None:
        return options.timeout
    if _is_unclear(said, "timeout", "timeout", unknown):
        return None
    return (said.config.timeout if said.config else None) or DEFAULT_TIMEOUT


def _capsules(said: Said, unknown: dict[str, str]) -> tuple[Capsule, ...] | None:
    if not _has_capsules(said):
        return ()
    if _is_unclear(said, "capsules", "capsules", unknown):
        return None
    return said.config.capsules if said.config else ()


def _pool(said: Said, threads: int | None, environment: t.Mapping[str, str], unknown: dict[str, str]) -> int | None:
    for name in ("DB_POOL",) if pool_of_threads(said.release) else ("DB_POOL", "MAX_THREADS"):
        value = environment.get(name)
        if value is None:
            if said.files is None:
                unknown["pool"] = said.why_no_files
                return None
            value = said.files.get(name)
        number = whole_number(value)
        if number is not None:
            return number
    if not pool_of_threads(said.release):
        return 5
    if threads is None:
        unknown["pool"] = unknown["threads"]
    return threads


def _is_unclear(said: Said, key: str, name: str, unknown: dict[str, str]) -> bool:
    """Whether the file may set a key without telling to what; the reason goes to `unknown`, by the name of the result."""
    reason = said.why_no_config if said.config is None else said.config.unclear.get(key, "")
    if reason:
        unknown[name] = reason
    return bool(reason)


def _has_capsules(said: Said) -> bool:
    return said.release is None or said.release >= _CAPSULES
