# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""dotenv files, read as the Ruby gem dotenv 3 reads them (lib/dotenv/parser.rb) - except that nothing is ever run.

A value may hold `$(command)`, which the gem gives to a shell. Here such a variable is only noted by its name.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

_ENTRY = re.compile(
    r"""
    ^\s* (?: export \s+ )?
    (?P<name> [\w.]+ )
    (?: \s*=\s*? | :\s+? )
    (?P<value> \s*'(?: \\' | [^'] )*' | \s*"(?: \\" | [^"] )*" | [^#\r\n]+ )?
    \s* (?: \#.* )? $
    """,
    re.ASCII | re.MULTILINE | re.VERBOSE,
)
_REFERENCE = re.compile(r"(?P<escaped>\\)?\$(?!\()\{?(?P<name>[A-Z0-9_]+)?\}?", re.ASCII | re.IGNORECASE)
_ESCAPE = re.compile(r"\\([^$])")


@dataclass(frozen=True)
class Dotenv:
    """What a file sets. `commands` names the variables whose value only a shell could tell."""

    values: t.Mapping[str, str] = field(default_factory=dict, repr=False)
    commands: frozenset[str] = frozenset()


def parse(text: str, known: t.Mapping[str, str] | None = None, unknown: t.Collection[str] = ()) -> Dotenv:
    """Read the text of a file. Lines that are no assignment are skipped.

    `known` is the environment so far: as in the gem it beats the file's own variables in `$NAME`. `unknown` are
    variables that are set already, but to what only a shell could tell.
    """
    outside = known or {}
    values: dict[str, str] = {}
    commands: set[str] = set()
    for entry in _ENTRY.finditer(text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")):
        name = entry["name"]
        value = _value(entry["value"] or "", {**values, **outside}, (commands | set(unknown)) - set(outside))
        values.pop(name, None)
        commands.discard(name)
        if value is None:
            commands.add(name)
        else:
            values[name] = value
    return Dotenv(values, frozenset(commands))


def _value(raw: str, known: t.Mapping[str, str], unknown: t.Collection[str]) -> str | None:
    value = raw.strip(" \t\n\v\f\r\0")
    quote = value[:1] if len(value) > 1 and value[0] in "'\"" and value[0] == value[-1] else ""
    if quote:
        value = value[1:-1]
    if quote == "'":
        return value
    # Since dotenv 3 a \n between double quotes stays as it is.
    kept = "nr" if quote else ""
    value = _ESCAPE.sub(lambda escape: escape[0] if escape[1] in kept else escape[1], value)
    if any(reference["name"] in unknown for reference in _REFERENCE.finditer(value) if not reference["escaped"]):
        return None
    return _without_commands(_REFERENCE.sub(lambda reference: _expand(reference, known), value))


def _expand(reference: re.Match[str], known: t.Mapping[str, str]) -> str:
    if reference["escaped"]:
        return reference[0][1:]
    if reference["name"] is None:
        return reference[0]
    return known.get(reference["name"], "")


def _without_commands(value: str) -> str | None:
    """The value, an escaped `\\$(text)` made plain; None if the gem would run a command."""
    done = ""
    while True:
        start = value.find("$(")
        if start < 0:
            return done + value
        end = _closing(value, start + 1)
        if end is None:
            done, value = done + value[: start + 2], value[start + 2 :]
        elif value[start - 1 : start] == "\\":
            done, value = done + value[: start - 1] + value[start:end], value[end:]
        else:
            return None


def _closing(value: str, start: int) -> int | None:
    """Where the parenthesis that opens at `start` ends, unless it never does or something in it is empty."""
    depth = 0
    for position in range(start, len(value)):
        if value[position] == "(":
            depth += 1
        elif value[position] == ")":
            if value[position - 1] == "(":
                return None
            depth -= 1
            if depth == 0:
                return position + 1
    return None
