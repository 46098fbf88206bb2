# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment in which commands see the collection."""

from __future__ import annotations

import os

from runner.place import CACHE, COLLECTIONS, link_collection
from runner.pythons import search_path
from runner.venvs import Venv


def clean() -> dict[str, str]:
    """The user's environment without what makes one Python look like another."""
    drop = ("PYENV_", "PYTHON", "VIRTUAL_ENV", "ANSIBLE_COLLECTIONS")
    env = {name: value for name, value in os.environ.items() if not name.startswith(drop)}
    env["PATH"] = os.pathsep.join(search_path())
    env["PYTHONPYCACHEPREFIX"] = str(CACHE / "pycache")
    return env


def for_venv(venv: Venv) -> dict[str, str]:
    """Its commands come first on PATH."""
    env = clean()
    env["PATH"] = os.pathsep.join((str(venv.bin), env["PATH"]))
    env["VIRTUAL_ENV"] = str(venv.path)
    return env


def with_collection(venv: Venv) -> dict[str, str]:
    """The same, with the collection importable and found by Ansible, whose modules run with this venv's Python."""
    link_collection()
    env = for_venv(venv)
    env["ANSIBLE_COLLECTIONS_PATH"] = env["PYTHONPATH"] = str(COLLECTIONS)
    # Hosts with a local connection would find the system's Python otherwise, which lacks redis-py.
    env["ANSIBLE_PYTHON_INTERPRETER"] = os.environ.get("ANSIBLE_PYTHON_INTERPRETER", str(venv.python))
    env["HYPOTHESIS_STORAGE_DIRECTORY"] = str(CACHE / "hypothesis")
    return env
