# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a run did that no undo takes back, from its record. Pure.

Such a step is recorded twice: with the outcome `started` before it begins, and with its real outcome when it has ended.
"""

from __future__ import annotations

import typing as t

from ..._sidekiq.text import printable
from ..host.record_file import Record

STARTED: t.Final = "started"
_NOTHING: t.Final = "nothing"
_LENGTH: t.Final = 500


def irreversible(record: Record) -> list[str]:
    """A sentence for each step that cannot be undone, or of which nobody knows how it ended."""
    return [sentence for step in record["steps"] for sentence in _sentences(step)]


def _sentences(step: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    outcome = step.get("outcome")
    if outcome == STARTED:
        names = _listed(step.get("of"))
        what = f"{printable(step.get('did'), _LENGTH)} of {', '.join(printable(name, _LENGTH) for name in names)}"
        yield f"{what} was started, and its end is not recorded: it may have done nothing, a part or all of it."
    elif outcome is not None and outcome != _NOTHING:
        for result in _listed(step.get("results")):
            if isinstance(result, t.Mapping) and result.get("outcome") != _NOTHING:
                yield printable(result.get("sentence"), _LENGTH)


def _listed(value: t.Any) -> list[t.Any]:
    """A record is a file that anybody may have edited."""
    return value if isinstance(value, list) else []
