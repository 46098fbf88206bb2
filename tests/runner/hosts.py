# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios of extensions/molecule, on throw-away hosts of their own (see tests/lab/hosts.py)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runner import environment, process
from runner.place import CHECKOUT
from runner.say import Failed
from runner.venvs import Core

_SCENARIOS = CHECKOUT / "extensions/molecule"
_AT_ONCE = 4


def _size(molecule_yml: Path) -> int:
    """The longest texts take the longest, so they begin first."""
    return sum(file.stat().st_size for file in molecule_yml.parent.rglob("*") if file.is_file())


def scenarios(core: Core, log: Path) -> None:
    """Run every scenario, a few at a time, also after one failed; a line each at the end of the log. Raises Failed with their names."""
    env = environment.with_collection(core.venv())
    env.pop("ANSIBLE_PYTHON_INTERPRETER")  # these hosts are others than this one
    env["NO_COLOR"] = "1"

    def run(scenario: str) -> tuple[str, float, Failed | None]:
        began, own = time.monotonic(), log.with_name(f"{log.stem}-{scenario}.log")
        own.unlink(missing_ok=True)
        problem = None
        try:
            process.run(["molecule", "test", "--scenario-name", scenario], log=own, env=env, cwd=CHECKOUT)
        except Failed as error:
            problem = error
        return scenario, time.monotonic() - began, problem

    names = [file.parent.name for file in sorted(_SCENARIOS.glob("*/molecule.yml"), key=_size, reverse=True)]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:  # they wait for heartbeats most of the time
        done = list(pool.map(run, names))
    with log.open("a", encoding="utf-8") as out:
        for name, _seconds, problem in done:
            if problem:
                print(process.tail(log.with_name(f"{log.stem}-{name}.log")), file=out)
        for name, seconds, problem in done:
            print(f"scenario {name}: {'failed' if problem else 'passed'}, {seconds:.0f} s", file=out)
    failed = [f"{name}: {problem}" for name, _seconds, problem in done if problem]
    if failed:
        raise Failed("; ".join(failed))
