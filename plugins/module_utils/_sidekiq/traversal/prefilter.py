# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Bytes of which one stands in every member that is meant, so that most members need not be decoded."""

from __future__ import annotations

import re
import typing as t

_ESCAPE: t.Final = b"\\u"
_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u")


class Needles:
    """`pieces`: one of them, or an escape that could hide it, stands in every member that is meant; none if that cannot be said.

    `folded`: in whatever case; `nested`: perhaps inside JSON that is itself a text in the member, whose escapes count too.
    """

    def __init__(self, pieces: t.Sequence[bytes] = (), folded: bool = False, nested: bool = False) -> None:
        self.pieces = tuple(piece.lower() if folded else piece for piece in pieces)
        self.folded = folded
        self.nested = nested
        self._found = re.compile(b"|".join(map(re.escape, self.pieces))).search

    def __bool__(self) -> bool:
        return bool(self.pieces)

    def possible(self, raw: bytes) -> bool:
        """Whether these bytes can be meant at all."""
        if not self.pieces or self._found(raw.lower() if self.folded else raw):
            return True
        return _ESCAPE in raw and (self.nested or _ESCAPED.search(raw) is not None)
