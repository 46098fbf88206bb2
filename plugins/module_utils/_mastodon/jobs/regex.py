# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Regular expressions that end."""

from __future__ import annotations

import re
import signal
import threading
import time
import typing as t
from types import FrameType

from ..._sidekiq.errors import BadOption

_LIMIT = 1.0  # seconds for one text
_LIMIT_OF_ALL, _SLOW = 5.0, 0.001  # seconds for all, and for one of them on average


class _TooSlow(Exception):
    pass


def searcher(expression: str, option: str) -> t.Callable[[str], bool]:
    """A function that tells whether the expression occurs in a text.

    An expression that does not compile is a BadOption that shows where. One that takes more than a second for a single
    text (nested repetition can take years), or too long for many, is a BadOption too: the matching of `re` lets a timer
    interrupt it, though only in the main thread.
    """
    try:
        compiled = re.compile(expression)
    except (re.error, RecursionError, OverflowError) as problem:
        raise BadOption(f"{option} is no regular expression: {problem}: {expression}") from None

    spent, texts = 0.0, 0

    def search(text: str) -> bool:
        nonlocal spent, texts
        began = time.perf_counter()
        try:
            found = _in_time(lambda: compiled.search(text) is not None)
        except _TooSlow:
            raise slow(f"more than {_LIMIT:g} s for one message of {len(text)} characters") from None
        spent, texts = spent + time.perf_counter() - began, texts + 1
        if spent > _LIMIT_OF_ALL and spent > texts * _SLOW:
            raise slow(f"{spent:.1f} s for {texts} messages")
        return found

    def slow(how: str) -> BadOption:
        return BadOption(f"{option} took {how}; write it without repetitions inside repetitions: {expression}")

    return search


def _in_time(action: t.Callable[[], bool]) -> bool:
    if threading.current_thread() is not threading.main_thread():
        return action()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, _LIMIT)
    try:
        return action()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
