# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the checkout: what git tracks, and what it would track."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from runner import debian
from runner.place import CHECKOUT
from runner.say import Failed


def files() -> list[Path]:
    """Paths relative to the checkout, without what .gitignore names and without what was deleted."""
    debian.need_commands(["git"])
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    answer = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=False)
    if answer.returncode:
        raise Failed(f"git cannot list the files of {CHECKOUT}: {os.fsdecode(answer.stderr).strip()}")
    paths = (Path(os.fsdecode(name)) for name in answer.stdout.split(b"\0") if name)
    return [path for path in paths if os.path.lexists(CHECKOUT / path)]


def copy_to(target: Path, keep: Path) -> None:
    """Make target the same as files(), but for the folder keep (relative to it), which is left alone."""
    wanted = set(files())
    for folder, names, others in os.walk(target, topdown=True):
        here = Path(folder).relative_to(target)
        names[:] = [name for name in names if here / name != keep]
        for name in others:
            if here / name not in wanted:
                (target / here / name).unlink()
    for path in wanted:
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        shutil.copy2(CHECKOUT / path, copy, follow_symlinks=False)
    for folder, _names, _others in os.walk(target, topdown=False):
        here = Path(folder)
        if here != target and keep not in here.relative_to(target).parents and not os.listdir(folder):
            here.rmdir()
