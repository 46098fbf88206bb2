# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios of extensions/molecule, on throw-away hosts of their own (see tests/lab/hosts.py)."""

from __future__ import annotations

import time
from pathlib import Path

from runner import environment, process
from runner.place import CHECKOUT
from runner.say import Failed
from runner.venvs import Core

_SCENARIOS = CHECKOUT / "extensions/molecule"


def scenarios(core: Core, log: Path) -> None:
    """Run every scenario, also after one failed; a line each at the end of the log. Raises Failed with their names."""
    env = environment.with_collection(core.venv())
    env.pop("ANSIBLE_PYTHON_INTERPRETER")  # these hosts are others than this one
    env["NO_COLOR"] = "1"
    rows, failed = [], []
    for scenario in sorted(file.parent.name for file in _SCENARIOS.glob("*/molecule.yml")):
        started, state = time.monotonic(), "passed"
        try:
            process.run(["molecule", "test", "--scenario-name", scenario], log=log, env=env, cwd=CHECKOUT)
        except Failed as error:
            failed.append(f"{scenario}: {error}")
            state = "failed"
        rows.append(f"scenario {scenario}: {state}, {time.monotonic() - started:.0f} s")
    with log.open("a", encoding="utf-8") as out:
        print(*rows, sep="\n", file=out)
    if failed:
        raise Failed("; ".join(failed))
