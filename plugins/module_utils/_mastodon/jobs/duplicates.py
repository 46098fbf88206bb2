# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Jobs of the same class with the same arguments."""

from __future__ import annotations

import marshal
import typing as t
from array import array

from ..._sidekiq.state.active_job import is_wrapped
from ..._sidekiq.state.job import Job

_MASK = 2**64 - 1
_PARTS: t.Final = 2**23  # bytes


def fingerprint(job: Job) -> int | None:
    """A number of 64 bits that is the same, within one process, for jobs of the same class and arguments, whatever wraps
    them; None for what is no job."""
    name = job.display_class
    if job.worker_class is None:  # as in what is no job
        return None
    arguments = job.display_args if is_wrapped(job.payload) else job.args
    try:
        # version 2 writes the same bytes for equal values; later ones depend on which values are shared
        content = marshal.dumps((name, arguments), 2)
    except ValueError:  # nested too deeply
        return None
    return hash(content) & _MASK


class Fingerprints:
    """Many of them in little memory: eight bytes a job."""

    def __init__(self) -> None:
        self._numbers = array("Q")

    def add(self, number: int | None) -> None:
        if number is not None:
            self._numbers.append(number)

    def merge(self, other: Fingerprints) -> None:
        """Add those of another one; it must be of this process or of one that was forked from it."""
        self._numbers.extend(other._numbers)

    def _suspects(self) -> t.Iterator[int]:
        """Those that may occur more than once: to sort all of them takes longer than to count them by a part of each."""
        counts = bytearray(_PARTS)
        for number in self._numbers:
            part = number % _PARTS
            counts[part] = 2 if counts[part] else 1
        return (number for number in self._numbers if counts[number % _PARTS] == 2)

    def repeated(self) -> t.Iterator[tuple[int, int]]:
        """Those that occur more than once, and how often."""
        before, count = -1, 0
        for number in sorted(self._suspects()):
            if number == before:
                count += 1
                continue
            if count > 1:
                yield before, count
            before, count = number, 1
        if count > 1:
            yield before, count
