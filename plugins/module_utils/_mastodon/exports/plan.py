# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a task may do with an archive that nobody builds. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .backup_rows import Backup
from .match import Export


@dataclass(frozen=True)
class Decision:
    """What becomes of a row. `outcome`: enqueued, released, unchanged or kept; `reason` for the last two.

    `export`: as it was seen, None for a row that is finished or gone.
    """

    backup_id: int
    outcome: str
    reason: str | None = None
    row: Backup | None = None
    export: Export | None = None


def decide(
    state: str, exports: t.Iterable[Export], others: t.Mapping[int, Backup | None], now: float, min_age: float
) -> list[Decision]:
    """Decide on pending archives, and on rows that were named but are finished or gone (None). `now` in epoch seconds."""
    rule = _RULES[state]
    decisions = []
    for export in exports:
        outcome, reason = rule(export, export.backup, now, min_age)
        decisions.append(Decision(export.backup_id, outcome, reason, export.backup, export))
    for number, row in others.items():
        outcome, reason = rule(None, row, now, min_age)
        decisions.append(Decision(number, outcome, reason, row))
    return sorted(decisions, key=lambda decision: decision.backup_id)


_Verdict = tuple[str, t.Optional[str]]


def _enqueued(export: Export | None, row: Backup | None, now: float, min_age: float) -> _Verdict:
    if row is None:
        return "kept", "gone"
    if row.processed:
        return "unchanged", "finished"
    if export is not None and export.jobs:
        return "unchanged", "has_job"
    if export is not None and export.duplicate_of is not None:
        return "kept", "duplicate"
    if row.account is None:
        return "kept", "no_user"  # the job would end at once
    return _sure(export, row, now, min_age) or ("enqueued", None)


def _released(export: Export | None, row: Backup | None, now: float, min_age: float) -> _Verdict:
    if row is None:
        return "unchanged", "gone"
    if row.processed:
        return "kept", "finished"
    if row.file is not None or row.size is not None:
        return "kept", "has_file"
    if export is not None and export.jobs:
        return "kept", "has_job"
    return _sure(export, row, now, min_age) or ("released", None)


def _sure(export: Export | None, row: Backup, now: float, min_age: float) -> _Verdict | None:
    if export is None or not export.certain:
        return "kept", "uncertain"
    if now - row.created_at < min_age:
        return "kept", "young"
    return None


_RULES: t.Final = {"enqueued": _enqueued, "released": _released}
