# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whether git tracks a file, from git's own index. Git is not run: root must not obey the settings of another's checkout."""

from __future__ import annotations

import os
import typing as t

_SIGNATURE = b"DIRC"
_COMPRESSED = 4
"""From this version on an entry holds only how many characters of the path before it go, and what comes instead."""
_BEFORE_FLAGS = 60
_EXTENDED = 0x4000


def checkout_that_tracks(path: str) -> str | None:
    """The top of the checkout whose index names the file; None if there is none that can be read."""
    path = os.path.realpath(path)
    top = os.path.dirname(path)
    while not os.path.lexists(os.path.join(top, ".git")):
        if top == os.path.dirname(top):
            return None
        top = os.path.dirname(top)
    index = _read_index(os.path.join(top, ".git"))
    name = os.path.relpath(path, top).encode("utf-8", "surrogateescape")
    if not index.startswith(_SIGNATURE):
        return None
    if int.from_bytes(index[4:8], "big") < _COMPRESSED:
        return top if name + b"\0" in index else None
    return top if name in _compressed(index) else None


def _read_index(git: str) -> bytes:
    try:
        if os.path.isfile(git):  # a worktree: the file says where its folder is
            with open(git, encoding="utf-8") as file:
                git = os.path.join(os.path.dirname(git), file.read().partition("gitdir:")[2].strip())
        with open(os.path.join(git, "index"), "rb") as file:
            return file.read()
    except (OSError, UnicodeError):
        return b""


def _compressed(index: bytes) -> t.Iterator[bytes]:
    name, position = b"", 12
    for _number in range(int.from_bytes(index[8:12], "big")):
        position += _BEFORE_FLAGS
        position += 4 if int.from_bytes(index[position : position + 2], "big") & _EXTENDED else 2
        gone = index[position] & 127
        while index[position] & 128:
            position += 1
            gone = ((gone + 1) << 7) + (index[position] & 127)
        end = index.index(b"\0", position + 1)
        name = name[: len(name) - gone] + index[position + 1 : end]
        position = end + 1
        yield name
