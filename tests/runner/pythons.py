# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the Python interpreters of this machine that really run."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Newest first. Controllers need 3.11; the older ones are only targets, for ansible-test's compile and import tests.
VERSIONS = tuple((3, minor) for minor in range(15, 8, -1))

_PROBE = """
import sys
try:
    import ensurepip, venv
    venvs = 1
except ImportError:
    venvs = 0
print(sys.version_info[0], sys.version_info[1], venvs, sys.executable)
"""


@dataclass(frozen=True)
class Python:
    """An interpreter. venvs says whether it can make virtual environments (Debian packs that apart)."""

    path: Path
    version: tuple[int, int]
    venvs: bool

    def __str__(self) -> str:
        return "Python {}.{}".format(*self.version)


@functools.cache
def find() -> dict[tuple[int, int], Python]:
    """The first working interpreter of each version, newest version first."""
    found: dict[tuple[int, int], Python] = {}
    seen: set[Path] = set()
    for path in _candidates():
        if path.resolve() in seen:
            continue
        seen.add(path.resolve())
        python = probe(path)
        if python is None or python.version not in VERSIONS:
            continue
        known = found.get(python.version)
        if known is None or (python.venvs and not known.venvs):
            found[python.version] = python
    return {version: found[version] for version in VERSIONS if version in found}


def probe(path: Path) -> Python | None:
    """What an interpreter says of itself; None when it does not run, as a shim that stands for nothing."""
    try:
        answer = subprocess.run(
            [str(path), "-I", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=20,
            check=True,
            text=True,
        ).stdout
        major, minor, venvs, executable = answer.strip().split(" ", 3)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Python(path=Path(executable), version=(int(major), int(minor)), venvs=venvs == "1")


def search_path() -> list[str]:
    """PATH with the real interpreters of pyenv, where there is one, in place of its shims."""
    root = _pyenv_root()
    entries = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    if root is None:
        return entries
    real = [str(folder) for folder in _pyenv_folders(root)]
    return real + [entry for entry in entries if not (Path(entry).name == "shims" and root in Path(entry).parents)]


def _candidates() -> Iterator[Path]:
    names = [f"python{major}.{minor}" for major, minor in VERSIONS] + ["python3"]
    for folder in search_path():
        for name in names:
            path = Path(folder) / name
            if os.access(path, os.X_OK):
                yield path


@functools.cache
def _pyenv_root() -> Path | None:
    root = os.environ.get("PYENV_ROOT")
    if not root and shutil.which("pyenv"):
        answer = subprocess.run(["pyenv", "root"], stdout=subprocess.PIPE, check=False, text=True)
        root = answer.stdout.strip()
    return Path(root) if root else None


def _pyenv_folders(root: Path) -> list[Path]:
    """The bin folders of the versions that count here, newest first."""
    folders: dict[tuple[int, int], list[Path]] = {version: [] for version in VERSIONS}
    for folder in sorted((root / "versions").glob("*/bin"), reverse=True):
        for version in VERSIONS:
            if (folder / "python{}.{}".format(*version)).exists():
                folders[version].append(folder)
    return [folder for version in VERSIONS for folder in folders[version]]
