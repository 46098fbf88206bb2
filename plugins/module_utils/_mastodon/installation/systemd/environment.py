# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The environment that systemd gives to Sidekiq, as far as the unit sets it (systemd.exec(5))."""

from __future__ import annotations

import glob
import re
import typing as t

from ...._sidekiq.regular_file import read_regular
from .show import Runner, Shown, show
from .words import split, unquote

_LARGEST: t.Final = 1024 * 1024  # bytes
_FILE = re.compile(r"(?P<path>.+?)(?: \(ignore_errors=(?:yes|no)\))?")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def unit_environment(unit: str, run: Runner) -> dict[str, str]:
    """The variables of `Environment=` and of the files of `EnvironmentFile=`, which win, as in systemd.

    Empty where there is no systemd or no such unit. A file that may not be read counts as empty: systemd reads it as
    root, and it rarely holds what Mastodon keeps in its own files.
    """
    for shown in show(run, [unit], ("Environment", "EnvironmentFiles")):
        return shown_environment(shown)
    return {}


def shown_environment(shown: Shown) -> dict[str, str]:
    """The variables of a service as `systemctl show` prints them, its files read."""
    variables = {name: value for line in shown.values("Environment") for name, value in assignments(line)}
    for value in shown.values("EnvironmentFiles"):
        found = _FILE.fullmatch(value)
        for _path, more in read_environment_files(found["path"] if found else value):
            variables.update(more)
    return variables


def read_environment_files(pattern: str) -> t.Iterator[tuple[str, dict[str, str]]]:
    """Path and variables of each file that `EnvironmentFile=` names. A file that may not be read is left out."""
    for path in sorted(glob.glob(pattern)):
        text = _read(path)
        if text is not None:
            yield path, parse_environment_file(text)


def assignments(line: str) -> t.Iterator[tuple[str, str]]:
    """Names and values of an `Environment=` line."""
    for word in map(unquote, split(line)):
        name, equals, value = word.partition("=")
        if equals:
            yield name, value


def _read(path: str) -> str | None:
    try:
        return read_regular(path, _LARGEST).decode(errors="replace")
    except OSError:
        return None


def parse_environment_file(text: str) -> dict[str, str]:
    """Read what `EnvironmentFile=` names: no expansion, quotes taken off, a backslash at the end goes on."""
    variables: dict[str, str] = {}
    for line in re.sub(r"\\\r?\n", "", text).splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and _NAME.fullmatch(name.rstrip()):
            variables[name.rstrip()] = _unquote(value.strip())
    return variables


def _unquote(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) > 1 and value[0] == value[-1] == '"':
        # Between double quotes a backslash counts only before the four characters it can protect.
        return re.sub(r'\\(["\\$`])', r"\1", value[1:-1])
    return _ESCAPED.sub(r"\1", value)
