# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A lock on a file that says "an edit still works on this", and that the kernel releases when its process dies."""

from __future__ import annotations

import contextlib
import fcntl
import shlex
import time
import typing as t

from .errors import BadOption
from .regular_file import open_regular

PATIENCE = 60.0
"""Seconds to wait for an edit that goes on although whoever started it is gone; most edits take less."""
_PAUSE: t.Final = 0.1


def hold(descriptor: int) -> None:
    """Hold an open file until it is closed or the process dies."""
    with contextlib.suppress(OSError):  # some network file systems have no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def is_held(path: str) -> bool:
    """Whether an edit works on a file; not what cannot be opened."""
    try:
        with open_regular(path) as file:
            return not _is_free(file.fileno())
    except OSError:
        return False


def refuse_held(path: str) -> None:
    """Wait for the edit that works on a file. Raises BadOption if it does not end; what cannot be opened is left to its reader."""
    try:
        free = _wait_until_free(path)
    except OSError:
        return
    if not free:
        raise BadOption(
            f"The edit that wrote {path} still runs after {PATIENCE:g} s, and goes on removing jobs. Nothing was restored. Wait"
            f" until it has ended, and run this again. This shows its process: fuser -v {shlex.quote(path)}"
        )


def _wait_until_free(path: str) -> bool:
    """Whether nobody holds the file any more. Raises OSError if it cannot be opened."""
    with open_regular(path) as file:
        deadline = time.monotonic() + PATIENCE
        while not _is_free(file.fileno()):
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        return True


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks
        return True
    return True
