# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the command line of a Sidekiq unit says: it wins over config/sidekiq.yml (Sidekiq merges it over the file)."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .environment import Runner
from .timespan import finite_timespan

_ARGV = re.compile(r"argv\[\]=(.*?) ; ignore_errors=")
_FLAG = re.compile(r"(-[cqtCe]|--(?:concurrency|queue|timeout|config|environment))(?:=?(.+))?", re.DOTALL)
_NAMES: t.Final = {"-c": "concurrency", "-q": "queue", "-t": "timeout", "-C": "config", "-e": "environment"}


@dataclass(frozen=True)
class UnitCommand:
    """The options of `sidekiq` in a unit, as they are written, and after how many seconds systemd kills it."""

    options: t.Mapping[str, t.Sequence[str]]
    stop_timeout: float | None = None

    def last(self, name: str) -> str | None:
        return self.options[name][-1] if self.options.get(name) else None


def unit_command(unit: str, run: Runner) -> UnitCommand | None:
    """The command of a unit; None where there is no systemd or no such unit."""
    try:
        code, out, _err = run(["systemctl", "show", "-p", "ExecStart", "-p", "TimeoutStopUSec", "--", unit])
    except OSError:
        return None
    shown = dict(line.partition("=")[::2] for line in out.splitlines())
    found = _ARGV.search(shown.get("ExecStart", ""))
    if code != 0 or found is None:
        return None
    return UnitCommand(sidekiq_options(found[1].split()), finite_timespan(shown.get("TimeoutStopUSec", "")))


def sidekiq_options(words: t.Sequence[str]) -> dict[str, list[str]]:
    """Options with a value by their long names: `-c 25`, `-c25`, `--concurrency 25`, `--concurrency=25`."""
    options: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        found = _FLAG.fullmatch(word)
        if found:
            value = found[2] if found[2] is not None else next(rest, None)
            if value is not None:
                options.setdefault(_NAMES.get(found[1], found[1].lstrip("-")), []).append(value)
    return options
