# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that read the collection without running it."""

from __future__ import annotations

import re
from pathlib import Path

from runner import checkout, debian, environment, process, venvs
from runner.place import CACHE, CHECKOUT, LOGS, setting_up
from runner.say import Failed, say

_NOX_HOME = CACHE / "nox"
_ALL_RAN = re.compile(r"^nox > Ran \d+ sessions", re.MULTILINE)
_NOT_INSTALLED = re.compile(r"^nox > Command \S*python -m pip install .* failed", re.MULTILINE)
_SHELL = re.compile(rb"^#!\s*(/usr)?/bin/(env )?(ba|da)?sh\b")


def check(log: Path) -> None:
    """Run every check, also after one failed. Raises Failed with the names of those that did."""
    failed = []
    for name, step in (("shellcheck", shellcheck), ("antsibull-changelog", changelog), ("nox", nox)):
        try:
            step(log)
        except Failed as error:
            failed.append(f"{name}: {error}")
    if failed:
        raise Failed("; ".join(failed))


def fix() -> None:
    """Let ruff format the code."""
    process.run([*_nox(), "--session", "formatters"], log=LOGS / "format.log", env=_nox_environment(check=False))


def shellcheck(log: Path) -> None:
    """Every shell script, also those without a suffix, which ansible-test does not look at."""
    debian.need_commands(["shellcheck"])
    scripts = [str(path) for path in checkout.files() if _is_shell(CHECKOUT / path)]
    process.run(["shellcheck", *scripts], log=log, cwd=CHECKOUT)


def changelog(log: Path) -> None:
    """The fragments and the changelog itself."""
    venv = venvs.best_core().venv()
    program = str(venv.bin / "antsibull-changelog")
    env = environment.for_venv(venv)
    process.run([program, "lint"], log=log, env=env, cwd=CHECKOUT)
    process.run([program, "lint-changelog-yaml", "changelogs/changelog.yaml"], log=log, env=env, cwd=CHECKOUT)


def nox(log: Path) -> None:
    """The sessions of noxfile.py; their environments are made once for each state of the lists they are made from."""
    command = _nox()
    env = _nox_environment(check=True)
    stamp = _NOX_HOME / "made-from"
    sources = (CHECKOUT / "noxfile.py", CHECKOUT / "antsibull-nox.toml")
    wanted = venvs.fingerprint(*sources, venvs.checks().path / "made-from", _NOX_HOME)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        process.run([*command, "--no-install"], log=log, env=env)
        return
    with setting_up():
        say("the nox sessions make their environments (once)")
        stamp.unlink(missing_ok=True)
        try:
            process.run(command, log=log, env=env)
        finally:
            # A finding is no reason to install everything again; an installation that failed is.
            text = log.read_text(encoding="utf-8", errors="replace")
            if _ALL_RAN.search(text) and not _NOT_INSTALLED.search(text):
                stamp.write_text(wanted, encoding="utf-8")


def _nox() -> list[str]:
    program = str(venvs.checks().bin / "nox")
    return [
        program,
        f"--noxfile={CHECKOUT / 'noxfile.py'}",
        f"--envdir={_NOX_HOME}",
        "--reuse-existing-virtualenvs",
        "--nocolor",
    ]


def _nox_environment(check: bool) -> dict[str, str]:
    env = environment.for_venv(venvs.checks())
    env["ANTSIBULL_NOX_INSTALL_COLLECTIONS"] = "never"  # there are no dependencies
    env["ANTSIBULL_NOX_IGNORE_INSTALLED_COLLECTIONS"] = "true"  # what else lies on this machine does not count
    env["NO_COLOR"] = "1"
    env["MYPY_CACHE_DIR"] = str(CACHE / "mypy")
    env["RUFF_CACHE_DIR"] = str(CACHE / "ruff")
    # antsibull-nox changes files unless it believes that it runs in CI.
    env["CI"] = "true" if check else "false"
    return env


def _is_shell(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return bool(_SHELL.match(file.readline()))
