# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits that are killed under load, many times, and edits of a million jobs: what is lost, and how much memory it takes.

Each run fills an instance, lets producers (2,000 jobs a second), workers and a poller loose, kills an edit at some moment and
runs it again, then kills its undoing and runs that again. At the end every job must be in Redis or have been run, once.

Real Sidekiqs are killed, too, by sidekiq_process, while they work; another one finishes, and every job must have been run.

Runbooks are interrupted while they edit and undone, by real ansible-playbook: no job may be lost or be there twice.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import multiprocessing
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import redis

from ansible_collections.fediverse.mastodon.tests.benchmarks import load
from ansible_collections.fediverse.mastodon.tests.benchmarks.table import table
from ansible_collections.fediverse.mastodon.tests.conformance import process_rounds
from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import redis_server
from ansible_collections.fediverse.mastodon.tests.instance import server
from ansible_collections.fediverse.mastodon.tests.playbooks import interruptions
from ansible_collections.fediverse.mastodon.tests.redis import killing
from ansible_collections.fediverse.mastodon.tests.redis.edit import test_edit_memory

SERVERS = ("redis", "valkey", "debian-redis", "debian-valkey")
_DEBIAN = {"debian-redis": "redis-server", "debian-valkey": "valkey-server"}


@contextlib.contextmanager
def running(name: str, directory: pathlib.Path) -> Iterator[str]:
    """The URL of an empty server."""
    if name in _DEBIAN:
        with redis_server("trixie", directory, _DEBIAN[name]) as url:
            yield url
    else:
        with server.running(binary="redis-server" if name == "redis" else None) as found:
            yield found.url


def kills(names: Sequence[str], runs: int, size: int) -> tuple[str, bool]:
    """A table of so many runs on each server, and whether a job was lost or was there twice."""
    rows = []
    for name in names:
        with (
            tempfile.TemporaryDirectory(prefix="soak-") as scratch,
            running(name, pathlib.Path(scratch)) as url,
            redis.Redis.from_url(url) as client,
        ):
            rows.append(_storm(name, url, client, pathlib.Path(scratch), runs, size))
    head = (
        "server",
        "runs",
        "kills",
        "jobs",
        "produced",
        "consumed",
        "edited and put back",
        "lost",
        "twice",
        "seconds",
    )
    return table(head, rows), any(row[-3:-1] != ("0", "0") for row in rows)


def _storm(name: str, url: str, client: Any, scratch: pathlib.Path, runs: int, size: int) -> tuple[str, ...]:
    info, began = client.info("server"), time.monotonic()
    version = f"{name} {info.get('valkey_version') or info['redis_version']}"
    found, usual = killing.Storm(), killing.Usual()
    for seed, state in zip(range(runs), itertools.cycle(killing.STATES)):
        if sys.stderr.isatty():
            print(f"\r{version}: {seed} of {runs}", end="", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=scratch) as directory:
            killing.storm_round(url, client, pathlib.Path(directory), state, size, seed, usual, found)
    numbers = (
        found.rounds,
        found.kills,
        found.jobs,
        found.produced,
        found.consumed,
        found.edited,
        found.lost,
        found.twice,
    )
    return (version, *(f"{number:,}" for number in numbers), f"{time.monotonic() - began:.0f}")


def process_kills(runs: int) -> tuple[str, bool]:
    """A table of so many processes that are killed, and whether a job was lost of one that beats.

    A tenth as many hang: what such a one took since its last heartbeat nobody knows, which the module says.
    """

    def tell(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {runs}", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        beating = process_rounds.rounds(runs, pathlib.Path(scratch), at_once=5, tell=tell)
        hanging = process_rounds.rounds(runs // 10, pathlib.Path(scratch), at_once=5, frozen=True)
    head = ("Sidekiq", "killed", "jobs", "restored", "ran to the end twice", "lost")
    rows = [
        (f"{version}{how}", *(f"{n:,}" for n in (one.kills, one.jobs, one.restored, one.twice, one.lost)))
        for how, sums in (("", beating), (", hanging", hanging))
        for version, one in sums.items()
    ]
    return table(head, rows), any(one.lost for one in beating.values())


def interrupted_runs(runbooks: Sequence[str], runs: int, first: int) -> tuple[str, bool]:
    """A table of so many interruptions of each runbook, and whether a job was lost, was there twice, or undo failed."""
    rows, bad = [], False
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("fork")) as pool:
        for runbook in runbooks:
            seeds = range(first, first + runs)
            found = []
            for seed, one in zip(seeds, pool.map(_interrupted_run, itertools.repeat(runbook), seeds)):
                found.append(one)
                if one.is_bad:
                    bad = True
                    print(interruptions.describe(runbook, seed, one), file=sys.stderr, flush=True)
                _show_progress(f"{runbook}: {len(found)} of {runs}", len(found))
            rows.append(_interruption_row(runbook, found))
            print(*rows[-1], file=sys.stderr, flush=True)  # hours of work, should the next runbook not end
    head = (
        "runbook",
        "runs",
        "interrupted",
        "with jobs out",
        "jobs out",
        "undo interrupted",
        "undo failed",
        "lost",
        "twice",
    )
    return table(head, rows), bad


def _show_progress(progress: str, done: int) -> None:
    """On one line of a terminal, or a line for every tenth in a file."""
    if sys.stderr.isatty():
        print(f"\r{progress}", end="", file=sys.stderr, flush=True)
    elif not done % 10:
        print(progress, file=sys.stderr, flush=True)


def _interrupted_run(runbook: str, seed: int) -> interruptions.Round:
    with (
        tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as scratch,
        server.running(binary="redis-server") as found,
        found.client() as client,
    ):
        controller = interruptions.Controller(found.url, client, pathlib.Path(scratch))
        return interruptions.play_round(controller, runbook, interruptions.way_of(seed), seed)


def _interruption_row(runbook: str, found: Sequence[interruptions.Round]) -> tuple[str, ...]:
    numbers = (
        len(found),
        sum(one.interrupted for one in found),
        sum(one.interrupted and one.removed > 0 for one in found),
        sum(one.removed for one in found if one.interrupted),
        sum(one.again for one in found),
        sum(bool(one.status) for one in found),
        sum(one.lost for one in found),
        sum(one.twice for one in found),
    )
    return (runbook, *(f"{number:,}" for number in numbers))


def memory(jobs: int) -> str:
    """A table of the peaks at so many jobs."""
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as scratch,
        server.running(binary="redis-server") as found,
        found.client() as client,
    ):
        test_edit_memory.fill(client, jobs)
        peaks = test_edit_memory.check(client, found.socket, scratch, jobs)
    return table((f"{jobs:,} jobs", "peak"), [(what, f"{peak / 1024**2:.0f} MB") for what, peak in peaks.items()])


def main(arguments: Sequence[str]) -> int:
    """Run, and print the tables. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="of each server (200)")
    parser.add_argument("--size", type=int, default=20_000, help="jobs in the largest queue of a run (20000)")
    parser.add_argument("--jobs", type=int, default=1_000_000, help="for the memory (1000000; 0 leaves it out)")
    parser.add_argument(
        "--process-kills", type=int, default=100, help="Sidekiqs that are killed (100; 0 leaves it out)"
    )
    parser.add_argument("--interruptions", type=int, default=200, help="of each runbook (200; 0 leaves them out)")
    parser.add_argument("--runbook", action="append", choices=list(interruptions.RUNBOOKS), help="all are the default")
    parser.add_argument("--seed", type=int, default=0, help="of the first interruption (0); the next one has the next")
    parser.add_argument("--server", action="append", choices=SERVERS, help="redis and valkey are the default")
    options = parser.parse_args(arguments)
    names = options.server or SERVERS[:2]
    sizes = f"--runs {options.runs} --size {options.size} --jobs {options.jobs} --process-kills {options.process_kills}"
    print(f"$ ./dev soak {sizes} --interruptions {options.interruptions}\n", flush=True)
    failed = []
    if options.runs:
        failed.append(_measured(lambda: kills(names, options.runs, options.size)))
    if options.process_kills:
        failed.append(_measured(lambda: process_kills(options.process_kills)))
    if options.interruptions:
        runbooks = options.runbook or list(interruptions.RUNBOOKS)
        failed.append(_measured(lambda: interrupted_runs(runbooks, options.interruptions, options.seed)))
    if options.jobs:
        failed.append(_measured(lambda: (memory(options.jobs), False)))
    return int(any(failed))


def _measured(measure: Callable[[], tuple[str, bool]]) -> bool:
    """Print a table with the load beside it; return whether a job was lost or was there twice."""
    with load.watching() as watched:
        shown, failed = measure()
    print(f"{shown}\n\n{watched.report()}\n", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
