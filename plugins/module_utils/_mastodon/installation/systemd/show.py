# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What `systemctl show` prints of services: the one place that runs it and reads its output."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

Runner = t.Callable[[list[str]], tuple[int, str, str]]
"""Runs a command given as a list; returns its exit code, its output and its errors."""

_NEXT = re.compile(r"\n[ \t]*\n(?=Type=)")  # the first property of a service; a command may hold an empty line, too
_COMMAND = re.compile(r"argv\[\]=(.*?) ; ignore_errors=", re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """The properties of one service. Where a property comes twice, the first is the value: a command may hold such lines, too."""

    text: str

    def values(self, name: str) -> list[str]:
        """Every value of a property that may come several times, such as `EnvironmentFiles`."""
        return [line[len(name) + 1 :] for line in self.text.splitlines() if line.startswith(f"{name}=")]

    def value(self, name: str, default: str = "") -> str:
        return next(iter(self.values(name)), default)

    def command(self) -> str:
        """The words of `ExecStart=`, joined by blanks; the quotes of the unit file are gone."""
        found = _COMMAND.search(self.text, max(0, self.text.find("ExecStart=")))
        return found[1] if found else ""


def show(run: Runner, names: t.Sequence[str], properties: t.Iterable[str]) -> list[Shown]:
    """The services with these names or patterns; none where there is no systemd."""
    # Type comes first in the output and so tells where a service begins.
    wanted = ",".join(dict.fromkeys(["Type", "Id", "LoadState", *properties]))
    try:
        _code, out, _err = run(["systemctl", "--no-pager", "--no-ask-password", "show", "-p", wanted, "--", *names])
    except OSError:
        return []
    return parse_show(out)


def parse_show(output: str) -> list[Shown]:
    """One entry for each service that systemd has loaded or that is masked."""
    found = (Shown(block) for block in _NEXT.split(output) if block.strip())
    return [shown for shown in found if shown.value("LoadState", "loaded") in ("loaded", "masked")]
