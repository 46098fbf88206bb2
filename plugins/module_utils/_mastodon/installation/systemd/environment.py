# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The environment that systemd gives to Sidekiq, as far as the unit sets it (systemd.exec(5))."""

from __future__ import annotations

import glob
import re
import typing as t

Runner = t.Callable[[list[str]], tuple[int, str, str]]
"""Runs a command given as a list; returns its exit code, its output and its errors."""

_WORD = re.compile(r'"((?:\\.|[^"\\])*)"|(\S+)', re.DOTALL)
_FILE = re.compile(r"(?P<path>.+?)(?: \(ignore_errors=(?:yes|no)\))?")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def unit_environment(unit: str, run: Runner) -> dict[str, str]:
    """The variables of `Environment=` and of the files of `EnvironmentFile=`, which win, as in systemd.

    Empty where there is no systemd or no such unit. A file that may not be read counts as empty: systemd reads it as
    root, and it rarely holds what Mastodon keeps in its own files.
    """
    try:
        code, out, _err = run(["systemctl", "show", "-p", "Environment", "-p", "EnvironmentFiles", "--", unit])
    except OSError:
        return {}
    if code != 0:
        return {}
    return parse_environment([line for line in out.splitlines() if line])


def parse_environment(lines: t.Iterable[str]) -> dict[str, str]:
    """The variables of the `Environment=` and `EnvironmentFiles=` lines that `systemctl show` prints."""
    variables: dict[str, str] = {}
    files: list[str] = []
    for line in lines:
        key, _equals, value = line.partition("=")
        if key == "Environment":
            variables.update(assignments(value))
        elif key == "EnvironmentFiles" and value:
            found = _FILE.fullmatch(value)
            files.append(found["path"] if found else value)
    for pattern in files:
        for path in sorted(glob.glob(pattern)):
            variables.update(_read(path))
    return variables


def assignments(words: str) -> t.Iterator[tuple[str, str]]:
    """Names and values of an `Environment=` line."""
    for word in _WORD.finditer(words):
        quoted, plain = word.groups()
        name, equals, value = (plain if quoted is None else _ESCAPED.sub(r"\1", quoted)).partition("=")
        if equals:
            yield name, value


def _read(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return parse_environment_file(file.read())
    except OSError:
        return {}


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
