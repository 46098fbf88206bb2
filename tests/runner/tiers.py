# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tiers of ./dev test: one table, one way to run them, one report."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from runner import ansible_test, debian, environment, hosts, lint, process, venvs
from runner.place import CACHE, CHECKOUT, LOGS
from runner.say import Failed, Missing, say
from runner.venvs import NEWEST, OLDEST, Core

_PYTEST_SUMMARY = re.compile(r"^=* ?(\d+ (?:passed|failed|skipped|error).*) in [\d.]+s", re.MULTILINE)
_SCENARIO = re.compile(r"^scenario \S+: passed", re.MULTILINE)
_DEMO = "tests/playbooks/test_demo.py"
_INTEGRATION_TARGET = re.compile(r"^Running \S+ integration test (?:role|script)", re.MULTILINE)
Run = Callable[[Core, Path], None]


@dataclass(frozen=True)
class Tier:
    """One row of the table. It is not run when nothing matches tests, a glob in the checkout.

    Tiers of one lane run one after the other, beside those of the other lanes; which is whose only makes them equally long.
    """

    name: str
    run: Run
    about: str
    tests: str = "galaxy.yml"
    lane: str = "sources"
    every_core: bool = False
    commands: tuple[str, ...] = ()
    root: bool = False


def _pytest(folder: str, *options: str) -> Run:
    def run(core: Core, log: Path) -> None:
        venv = core.venv()
        command = [str(venv.python), "-m", "pytest", "-p", "no:cacheprovider", "-ra", "--color=no", *options, folder]
        process.run(command, log=log, env=environment.with_collection(venv), cwd=CHECKOUT)

    return run


def _playbooks(core: Core, log: Path) -> None:
    """All of them on the newest core that runs here; on another one those that depend on the release of ansible-core."""
    every = core == venvs.best_core()
    selected = () if every else ("-m", "not one_core")
    run = _pytest("tests/playbooks", "-n", "2", "--dist", "worksteal", f"--ignore={_DEMO}", *selected)
    run(core, log)


def _lint(core: Core, log: Path) -> None:
    lint.check(log)


TIERS = (
    Tier("lint", _lint, "style, types, licences, docs, build and import", lane="hosts", commands=("shellcheck",)),
    Tier("sanity", ansible_test.sanity, "ansible-test sanity", every_core=True, commands=("shellcheck",)),
    Tier("units", ansible_test.units, "ansible-test units", "tests/unit/**/test_*.py", every_core=True),
    Tier(
        "integration",
        ansible_test.integration,
        "ansible-test integration, against a real Redis and Valkey",
        "tests/integration/targets/*/*",
        every_core=True,
        commands=("redis-server",),
    ),
    Tier(
        "redis",
        _pytest("tests/redis", "-n", "2", "--dist", "loadfile"),
        "against Redis and Valkey servers of their own; needs no root",
        "tests/redis/**/test_*.py",
        lane="hosts",
        commands=("redis-server",),
    ),
    Tier(
        "conformance",
        _pytest("tests/conformance", "-n", "2", "--dist", "loadfile"),  # mostly waiting for heartbeats
        "judged by real Sidekiq, PostgreSQL and systemd, in throw-away Debian roots",
        "tests/conformance/**/test_*.py",
        lane="hosts",
        commands=("mmdebstrap", "pg_ctlcluster", "pgrep", "redis-server", "ssh", "systemd-nspawn"),
        root=True,
    ),
    Tier(
        "playbooks",
        _playbooks,
        "the playbooks, run by ansible-playbook",
        "tests/playbooks/**/test_*.py",
        every_core=True,
        commands=("pg_ctlcluster", "pgrep", "redis-server"),
    ),
    Tier(
        "hosts",
        hosts.scenarios,
        "the roles, on real systemd hosts",
        "extensions/molecule/*/molecule.yml",
        lane="hosts",
        commands=("mmdebstrap", "systemd-nspawn", "ssh"),
        root=True,
    ),
    Tier("demo", _pytest(_DEMO, "-n", "2", "--dist", "loadscope"), "./dev demo", _DEMO, commands=("redis-server",)),
)


@dataclass(frozen=True)
class Outcome:
    """How a tier ended on one core: "passed", "failed" or "not run"; why is empty when it passed."""

    tier: str
    core: str
    state: str
    note: str
    seconds: float


def choose(names: Sequence[str]) -> list[Tier]:
    """The tiers of these names, or all, in the order of the table. Raises Failed."""
    known = [tier.name for tier in TIERS]
    for name in names:
        if name not in known:
            raise Failed(f"there is no tier {name!r}; choose from: {', '.join(known)}")
    return [tier for tier in TIERS if not names or tier.name in names]


def test(names: Sequence[str], only_core: Core | None = None) -> int:
    """Run tiers, report, and return the exit status: 1 when one failed or none could be run."""
    tiers = choose(names)
    for tier in tiers:
        _prepare(tier, only_core)

    def run_lane(name: str) -> list[Outcome]:
        return [outcome for tier in tiers if tier.lane == name for outcome in _on_cores(tier, only_core)]

    with ThreadPoolExecutor() as pool:
        lanes = [pool.submit(run_lane, name) for name in dict.fromkeys(tier.lane for tier in tiers)]
        try:
            outcomes = [outcome for lane in lanes for outcome in lane.result()]
        except BaseException:
            process.stop_all()
            raise
    order = [tier.name for tier in tiers]
    outcomes.sort(key=lambda outcome: order.index(outcome.tier))
    _report(outcomes)
    states = {outcome.state for outcome in outcomes}
    return 0 if "passed" in states and "failed" not in states else 1


def _prepare(tier: Tier, only: Core | None) -> None:
    """Install what a tier needs, so that no lane waits for another's installation; what is missing, its own run tells."""
    with contextlib.suppress(Missing, Failed):
        for core in _cores(tier, only):
            core.venv()
        debian.need_commands(tier.commands)


def _on_cores(tier: Tier, only: Core | None) -> list[Outcome]:
    try:
        cores = _cores(tier, only)
    except (Missing, Failed) as reason:  # no ansible-core at all
        state = "not run" if isinstance(reason, Missing) else "failed"
        return [Outcome(tier.name, "-", state, str(reason), 0)]
    return [_run(tier, core) for core in cores]


def _cores(tier: Tier, only: Core | None) -> Iterable[Core]:
    if only:
        return (only,)
    return (OLDEST, NEWEST) if tier.every_core else (venvs.best_core(),)


def _run(tier: Tier, core: Core) -> Outcome:
    started = time.monotonic()
    log = LOGS / f"{tier.name}-{core.name}.log"
    log.unlink(missing_ok=True)
    label = "-"
    try:
        if not any(CHECKOUT.glob(tier.tests)):
            raise Missing(f"nothing there ({tier.tests})")
        if tier.root and not debian.is_root():
            raise Missing("needs root")
        label = venvs.core_version(core.venv())
        debian.need_commands(tier.commands)
        say(f"{tier.name} on ansible-core {label}: {tier.about}")
        started = time.monotonic()
        tier.run(core, log)
        state, note = "passed", _counts(log)
        if Path(tier.tests).name.startswith("test_") and "passed" not in note:
            raise Failed("not one test was run to its end")
    except Missing as reason:
        state, note = "not run", str(reason)
        label = core.name if label == "-" else label
    except Failed as error:
        state, note = "failed", f"{str(error).splitlines()[0]}; see {_shown(log)}"
        _show(log, error)
    seconds = time.monotonic() - started
    say(f"{tier.name}: {state}" + (f" ({note})" if note else "") + f", {seconds:.0f} s")
    return Outcome(tier.name, label, state, note, seconds)


def _show(log: Path, error: Failed) -> None:
    if log.exists():
        print(f"---- the end of {_shown(log)}", process.tail(log), "----", sep="\n", flush=True)
    else:
        print(error, flush=True)


def _shown(log: Path) -> str:
    return str(log.relative_to(CHECKOUT)) if CHECKOUT in CACHE.parents else str(log)


def _counts(log: Path) -> str:
    """What pytest counted, added up over its runs in this log, or how many integration targets or scenarios were run."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    sums: dict[str, int] = {}
    for line in _PYTEST_SUMMARY.findall(text):
        for number, word in re.findall(r"(\d+) (\w+)", line):
            sums[word] = sums.get(word, 0) + int(number)
    sums["targets"] = len(_INTEGRATION_TARGET.findall(text))
    sums["scenarios"] = len(_SCENARIO.findall(text))
    return ", ".join(f"{number} {word}" for word, number in sums.items() if number)


def _report(outcomes: Sequence[Outcome]) -> None:
    rows = [("tier", "ansible-core", "result", "seconds", "")]
    rows += [(o.tier, o.core, o.state, f"{o.seconds:.0f}", o.note) for o in outcomes]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    print()
    for row in rows:
        tier, core, state, seconds = (cell.ljust(width) for cell, width in zip(row, widths))
        print(f"{tier}  {core}  {state}  {seconds.strip().rjust(widths[3])}  {row[4]}".rstrip())
    count = {state: sum(outcome.state == state for outcome in outcomes) for state in ("passed", "failed", "not run")}
    print()
    print(f"tiers: {count['passed']} passed, {count['failed']} failed, {count['not run']} skipped", flush=True)
