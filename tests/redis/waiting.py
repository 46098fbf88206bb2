# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what becomes true some time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: str, seconds: float, look: Callable[[], T | None], log: Path | None = None) -> T:
    """The first true answer of `look`; after `seconds` an AssertionError with `what` and the end of the log."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log else ""
            raise AssertionError(f"after {seconds:g} s still not: {what}\n{tail}")
        time.sleep(0.05)
    return answer
