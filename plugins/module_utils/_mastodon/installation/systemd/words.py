# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The words of a line in a unit file, and their quotes (systemd.syntax(7), Quoting)."""

from __future__ import annotations

import re
import typing as t

_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^\s"'\\])+""", re.DOTALL)
_PART = re.compile(r""""((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|((?:\\.|[^"'\\])+)""", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANING: t.Final[t.Mapping[str, str]] = {"n": "\n", "s": " ", "t": "\t"}


def split(line: str) -> list[str]:
    """The words as they are written."""
    return _WORD.findall(line)


def unquote(word: str) -> str:
    """A word without its quotes and backslashes."""
    parts = ("".join(part.groups("")) for part in _PART.finditer(word))
    return _ESCAPE.sub(lambda found: _MEANING.get(found[1], found[1]), "".join(parts))
