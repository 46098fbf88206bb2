# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Whether Redis takes writes: where it does not, a missing heartbeat says nothing about the process behind it."""

from __future__ import annotations

import typing as t

from ..keys import Keys


def probe_writes(client: t.Any, key: Keys) -> None:
    """Raises the error with which Redis refuses writes, if it does; changes nothing.

    LPUSHX does nothing to a list that does not exist, and is refused like every other command that may need memory
    (src/commands/lpushx.json: WRITE, DENYOOM). A user who may not use it learns nothing.
    """
    try:
        client.lpushx(key("fediverse.mastodon:no such list"), b"")
    except Exception as problem:
        if "NoPermissionError" not in {kind.__name__ for kind in type(problem).__mro__} and "NOPERM" not in str(
            problem
        ):
            raise
