# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs Debian packages when root, and says which are missing when not."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner import process
from runner.place import LOGS, setting_up
from runner.say import Failed, Missing, say

# The package that brings a command. A command that is there, from wherever, is good enough.
PACKAGES = {
    "git": "git",
    "mmdebstrap": "mmdebstrap",
    "pg_ctlcluster": "postgresql",
    "pgrep": "procps",
    "redis-server": "redis-server",
    "shellcheck": "shellcheck",
    "ssh": "openssh-client",
    "systemd-nspawn": "systemd-container",
}
_POLICY = Path("/usr/sbin/policy-rc.d")


def is_root() -> bool:
    return os.geteuid() == 0


def need_commands(commands: Iterable[str]) -> None:
    """See that each command is there; install its package when root. Raises Missing or Failed."""
    packages = [PACKAGES[command] for command in commands if not shutil.which(command)]
    if packages:
        install(packages)


def install(packages: Iterable[str]) -> None:
    """Install packages without a question and without starting what they bring. Raises Missing or Failed."""
    wanted = " ".join(packages)
    if not shutil.which("apt-get"):
        raise Missing(f"needs {wanted} (the names are Debian's; there is no apt-get here)")
    if not is_root():
        raise Missing(f"needs {wanted}; as root: apt-get install {wanted}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    log = LOGS / "apt.log"
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *wanted.split()]
    with setting_up(), _no_service_starts():
        say(f"installing from Debian: {wanted}")
        try:
            process.run(command, log=log, env=env)
        except Failed:  # no package lists yet, or old ones
            try:
                process.run(["apt-get", "update", "--quiet"], log=log, env=env)
                process.run(command, log=log, env=env)
            except Failed as error:
                raise Failed(f"could not install {wanted}: {error}\n{process.tail(log, 10)}") from error


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's own way to install a server without starting it: the tests start theirs, on sockets of their own."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
