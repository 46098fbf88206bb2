# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of ./dev."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, NoReturn

from runner import debian, environment, lint, process, tiers, venvs
from runner.place import CACHE, CACHE_VARIABLE, CHECKOUT, LOGS
from runner.say import Failed, Missing, say
from runner.venvs import Core

_MEASURED_WITH = ("mmdebstrap", "redis-server")


@dataclass(frozen=True)
class Command:
    """One command: how it is written, what it does, and the function that does it."""

    usage: str
    about: str
    run: Callable[[Sequence[str]], int]


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    name, rest = (arguments[0], arguments[1:]) if arguments else ("help", [])
    if name in ("-h", "--help"):
        name = "help"
    if name not in COMMANDS:
        say(f"there is no command {name!r}; ./dev help lists them")
        return 2
    try:
        return COMMANDS[name].run(rest)
    except (Missing, Failed) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; nothing is left running")
        return 130


def show_help(arguments: Sequence[str]) -> int:
    """List the commands and the tiers."""
    width = max(len(command.usage) for command in COMMANDS.values())
    print("./dev COMMAND: everything that people who work on fediverse.mastodon need\n")
    for command in COMMANDS.values():
        print(f"  {command.usage.ljust(width)}  {command.about}")
    print("\ntiers of ./dev test, in this order:\n")
    for tier in tiers.TIERS:
        print(
            f"  {tier.name.ljust(width)}  {tier.about}{', on both releases of ansible-core' if tier.every_core else ''}"
        )
    print(f"""
ansible-core 2.19 (Python 3.11) and the newest release (the newest Python found) are used; what cannot be run here is
reported as not run. --core 2.19 or --core newest chooses one; exec, demo, bench and soak take the newest that runs.
All that is made lies in {CACHE} (${CACHE_VARIABLE}); to start afresh, remove it.""")
    return 0


def run_exec(arguments: Sequence[str]) -> int:
    """Become a command that sees the collection."""
    core, command = _core_option(arguments)
    if not command:
        raise Failed("exec needs a command, for example: ./dev exec ansible-doc fediverse.mastodon.sidekiq_info")
    _exec(core, command)


def run_test(arguments: Sequence[str]) -> int:
    """Run tiers."""
    core, names = _core_option(arguments)
    return tiers.test(names, core)


def run_lint(arguments: Sequence[str]) -> int:
    """Run the checks, or let ruff put the format right."""
    if list(arguments) == ["--fix"]:
        lint.fix()
        return 0
    if arguments:
        raise Failed("lint takes --fix or nothing")
    log = LOGS / "lint.log"
    log.unlink(missing_ok=True)
    try:
        lint.check(log)
    except Failed:
        print(log.read_text(encoding="utf-8", errors="replace") if log.exists() else "")
        raise
    print(process.tail(log, 20))
    return 0


def _script(path: str, *commands: str) -> Callable[[Sequence[str]], int]:
    """Hands over to a script of the checkout, once the commands that it needs are there."""

    def run(arguments: Sequence[str]) -> NoReturn:
        debian.need_commands(commands)
        _exec(None, ["python", str(CHECKOUT / path), *arguments])

    return run


COMMANDS = {
    "help": Command("help", "this text", show_help),
    "demo": Command(
        "demo [ARGUMENT...]",
        "show the health report of an instance in trouble, made up on this machine",
        _script("tests/instance/demo.py"),
    ),
    "test": Command("test [--core CORE] [TIER...]", "run all tests, or some tiers of them", run_test),
    "lint": Command("lint [--fix]", "run the checks alone; --fix formats the code", run_lint),
    "exec": Command(
        "exec [--core CORE] CMD...", "run a command with the collection and Ansible on its paths", run_exec
    ),
    "lab": Command(
        "lab up|down|list|shell ...",
        "throw-away Debian hosts with systemd, Redis and Sidekiq (lab -h tells more)",
        _script("tests/lab/hosts.py", "mmdebstrap", "systemd-nspawn", "ssh"),
    ),
    "bench": Command(
        "bench [NAME...]", "measure, as ratios within one run", _script("tests/benchmarks/run.py", *_MEASURED_WITH)
    ),
    "soak": Command(
        "soak [ARGUMENT...]",
        "run for long under load and look for what is lost",
        _script("tests/benchmarks/soak.py", *_MEASURED_WITH),
    ),
}


def _core_option(arguments: Sequence[str]) -> tuple[Core | None, list[str]]:
    """Split "--core NAME" off the front."""
    rest = list(arguments)
    if rest[:1] == ["--core"]:
        if len(rest) < 2:
            raise Failed("--core needs a name: " + " or ".join(core.name for core in venvs.CORES))
        return venvs.core(rest[1]), rest[2:]
    return None, rest


def _exec(core: Core | None, command: Sequence[str]) -> NoReturn:
    env = environment.with_collection((core or venvs.best_core()).venv())
    sys.stdout.flush()
    try:
        os.execvpe(command[0], list(command), env)
    except OSError as error:
        raise Failed(f"cannot run {command[0]}: {error.strerror}") from error


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
