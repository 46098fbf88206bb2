# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environments: one for each ansible-core under test, one for the checks."""

from __future__ import annotations

import functools
import hashlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runner import debian, process, pythons
from runner.place import CACHE, LOGS, REQUIREMENTS, setting_up
from runner.pythons import Python
from runner.say import Failed, Missing, say


@dataclass(frozen=True)
class Venv:
    """A virtual environment that stands."""

    path: Path

    @property
    def bin(self) -> Path:
        return self.path / "bin"

    @property
    def python(self) -> Path:
        return self.bin / "python"


@dataclass(frozen=True)
class Core:
    """An ansible-core to test with, and the Pythons it is run on, best first."""

    name: str
    pythons: tuple[tuple[int, int], ...]
    requires: str

    def venv(self) -> Venv:
        """Its virtual environment, made when it is not there. Raises Missing or Failed."""
        return make(f"core-{self.name}", self.pythons, self.requires)


OLDEST = Core("2.19", ((3, 11),), "ansible-core 2.19 is tested on Python 3.11")
NEWEST = Core("newest", ((3, 14), (3, 13), (3, 12)), "the newest ansible-core needs Python 3.12 or newer")
CORES = (OLDEST, NEWEST)


def core(name: str) -> Core:
    """The core of that name. Raises Failed."""
    for candidate in CORES:
        if candidate.name == name:
            return candidate
    raise Failed(f"there is no core {name!r}; choose from: {', '.join(candidate.name for candidate in CORES)}")


def best_core() -> Core:
    """The newest core that runs here. Raises Missing."""
    reasons = []
    for candidate in (NEWEST, OLDEST):
        try:
            candidate.venv()
            return candidate
        except Missing as reason:
            reasons.append(str(reason))
    raise Missing("; ".join(reasons))


def checks() -> Venv:
    """The environment of nox and antsibull-nox."""
    return make("checks", NEWEST.pythons + OLDEST.pythons, "the checks need Python 3.11 or newer")


@functools.cache
def make(name: str, versions: tuple[tuple[int, int], ...], requires: str) -> Venv:
    """Make a virtual environment from requirements/NAME.txt unless the one that stands is made from the same lists."""
    venv = Venv(CACHE / "venvs" / name)
    requirements = REQUIREMENTS / f"{name}.txt"
    stamp = venv.path / "made-from"
    wanted = fingerprint(requirements, venv.path)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted and pythons.probe(venv.python):
        return venv
    with setting_up():
        python = _choose(versions, requires)
        say(f"making the environment {name} with {python} (once; {requirements.name} lists what is in it)")
        log = LOGS / f"venv-{name}.log"
        log.unlink(missing_ok=True)
        try:
            process.run([str(python.path), "-m", "venv", "--clear", str(venv.path)], log=log)
            pip = [str(venv.python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
            process.run([*pip, "--requirement", str(requirements)], log=log)
        except Failed as error:
            raise Failed(f"could not make {venv.path}: {error}\n{process.tail(log, 15)}") from error
        stamp.write_text(wanted, encoding="utf-8")
    return venv


def fingerprint(*parts: Path) -> str:
    """A hash over the text of requirement lists (and of the lists they name) and over paths that are no files."""
    digest = hashlib.sha256()
    pending = list(parts)
    while pending:
        part = pending.pop(0)
        if not part.is_file():
            digest.update(str(part).encode())
            continue
        text = part.read_text(encoding="utf-8")
        digest.update(text.encode())
        pending += [(part.parent / name).resolve() for name in re.findall(r"^-r (\S+)", text, re.MULTILINE)]
    return digest.hexdigest()


@functools.cache
def core_version(venv: Venv) -> str:
    """The version of ansible-core in an environment, and its Python: "2.21.5, Python 3.13"."""
    code = "import sys, ansible.release as r; print(f'{r.__version__}, Python {sys.version_info[0]}.{sys.version_info[1]}')"
    return subprocess.run([str(venv.python), "-c", code], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def _choose(versions: tuple[tuple[int, int], ...], requires: str) -> Python:
    found = pythons.find()
    for version in versions:
        python = found.get(version)
        if python is None:
            continue
        if not python.venvs:
            debian.install(["python{}.{}-venv".format(*python.version)])
            pythons.find.cache_clear()
            python = pythons.find()[version]
        return python
    here = ", ".join(".".join(map(str, version)) for version in found)
    raise Missing(f"{requires}; found here: {here or 'none'}")
