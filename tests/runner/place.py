# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie, and the one lock that keeps two ./dev from setting up the same thing at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from runner.say import say

NAMESPACE, NAME = "fediverse", "mastodon"
CHECKOUT = Path(__file__).resolve().parents[2]
CACHE_VARIABLE = "MASTODON_DEV_CACHE"
CACHE = Path(os.environ.get(CACHE_VARIABLE) or CHECKOUT / ".cache").absolute()
REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
COLLECTIONS = CACHE / "collections"
LOGS = CACHE / "logs"
_mine = threading.RLock()
_held = False


def link_collection() -> None:
    """Make the checkout importable as ansible_collections.fediverse.mastodon below COLLECTIONS."""
    link = COLLECTIONS / "ansible_collections" / NAMESPACE / NAME
    if link.is_symlink() and link.resolve() == CHECKOUT:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(CHECKOUT, target_is_directory=True)


@contextlib.contextmanager
def setting_up() -> Iterator[None]:
    """Hold the set-up lock of this cache; wait for whoever holds it, here or in another ./dev. May be nested."""
    global _held
    with _mine:
        if _held:
            yield
            return
        with _locked():
            _held = True
            try:
                yield
            finally:
                _held = False


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another ./dev that is setting up")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
