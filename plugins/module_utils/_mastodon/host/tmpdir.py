# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Where Sidekiq builds archives: `Dir.tmpdir` of Ruby, in the sandbox of its unit."""

from __future__ import annotations

import os
import stat
import typing as t
from dataclasses import dataclass

from ..installation.systemd.show import Runner

VARIABLES: t.Final = ("TMPDIR", "TMP", "TEMP")
_DEFAULT: t.Final = "/tmp"


@dataclass(frozen=True)
class Sandbox:
    """What a unit's processes see otherwise: `pid` of its main process while it runs, and whether /tmp is its own."""

    active: bool = False
    pid: int | None = None
    private_tmp: bool = False


@dataclass(frozen=True)
class Temporary:
    """The directory, which variable names it (None: the default), and those whose directory Ruby passes over, with the reason."""

    path: str
    variable: str | None = None
    passed_over: tuple[tuple[str, str, str], ...] = ()


def sandbox(unit: str, run: Runner) -> Sandbox:
    """What systemd says of the unit; nothing where there is no systemd or no such unit."""
    names = ["ActiveState", "MainPID", "PrivateTmp"]
    try:
        code, out, _err = run(["systemctl", "show", *(word for name in names for word in ("-p", name)), "--", unit])
    except OSError:
        return Sandbox()
    properties = dict(line.partition("=")[::2] for line in out.splitlines())
    if code != 0:
        return Sandbox()
    pid = int(properties.get("MainPID") or 0)
    private = properties.get("PrivateTmp", "no") not in ("no", "")
    visible = pid > 0 and os.path.isdir(f"/proc/{pid}/root/")
    return Sandbox(properties.get("ActiveState") == "active", pid if visible else None, private)


def temporary(values: t.Mapping[str, str], uid: int | None, pid: int | None) -> Temporary:
    """As Ruby's `Dir.tmpdir` finds it, with these variables and for this user. `pid`: in the sandbox of a process."""
    passed: list[tuple[str, str, str]] = []
    for name in VARIABLES:
        path = values.get(name)
        if not path:
            continue
        why = unfit(path, uid, f"/proc/{pid}/root" if pid else "")
        if why is None:
            return Temporary(os.path.normpath(path), name, tuple(passed))
        passed.append((name, path, why))
    return Temporary(_DEFAULT, None, tuple(passed))


def unfit(path: str, uid: int | None, root: str) -> str | None:
    """Why Ruby would not take a directory; None if it would. It asks the mode alone: one on a read-only mount it takes, and fails."""
    try:
        status = os.stat(root + path)
    except OSError:
        return "it is not there"
    if not path.startswith("/") or not stat.S_ISDIR(status.st_mode):
        return "it is no directory with an absolute path"
    if uid is not None and not _may_write(status, uid):
        return "Sidekiq's user may not write into it"
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        return "everybody may write into it and it has no sticky bit"
    return None


def _may_write(status: os.stat_result, uid: int) -> bool:
    if uid in (0, status.st_uid):
        return uid == 0 or bool(status.st_mode & stat.S_IWUSR)
    return bool(status.st_mode & (stat.S_IWOTH | stat.S_IWGRP))  # the groups of the user are not asked
