# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the folders of module_utils import each other: from Ansible down to Redis, and never in a circle."""

from __future__ import annotations

import ast
import graphlib
import pathlib
from collections import defaultdict

ROOT = pathlib.Path(__file__).resolve().parents[2] / "plugins" / "module_utils"
FLOORS = ("_sidekiq", "_mastodon", "_ansible")
"""From the ground up; a file may import from its own floor and from those below."""


def imports():
    """For each file of module_utils the files of module_utils that it imports, as paths without their ending."""
    found = {}
    for path in ROOT.rglob("*.py"):
        name = path.relative_to(ROOT).with_suffix("").parts
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                package = name[: len(name) - node.level] + tuple((node.module or "").split(".") if node.module else ())
                for alias in node.names:
                    module = (*package, alias.name)
                    found[name].add(module if ROOT.joinpath(*module).with_suffix(".py").exists() else package)
    return found


def room(name):
    """The folder of a floor in which a file is, or the file itself if it is in none."""
    return name[:2]


def test_imports_are_found():
    assert sum(map(len, imports().values())) > 500


def test_imports_run_one_way():
    up = [
        (name, imported)
        for name, others in imports().items()
        for imported in others
        if FLOORS.index(imported[0]) > FLOORS.index(name[0])
    ]
    assert not up


def test_rooms_import_each_other_in_no_circle():
    rooms = defaultdict(set)
    for name, others in imports().items():
        rooms[room(name)] |= {room(imported) for imported in others} - {room(name)}
    graphlib.TopologicalSorter(rooms).prepare()  # raises CycleError, which names the circle


def test_files_import_each_other_in_no_circle():
    graphlib.TopologicalSorter(imports()).prepare()
