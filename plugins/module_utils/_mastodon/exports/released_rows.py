# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The rows of exports that were released, so that they can be restored: a file that is synced before the first row is deleted."""

from __future__ import annotations

import os
import secrets
import typing as t
from dataclasses import dataclass, replace

from ..._sidekiq.times import file_stamp
from ..database import Row
from ..host.atomic_file import locked
from ..host.record_file import Kind

_KIND: t.Final = Kind(
    "record of released rows",
    "fediverse.mastodon exports",
    1,
    "Check path, on the host that runs the task.",
    "archive_dir",
)


@dataclass(frozen=True)
class ReleasedRows:
    """Which rows of which database were released. `restored`: ids of the rows that were restored already."""

    path: str
    database: str
    rows: tuple[Row, ...]
    restored: frozenset[int] = frozenset()


def write_released(directory: str, database: str, rows: t.Sequence[Row], now: float) -> ReleasedRows:
    """Write a new record. Raises SidekiqError where there is no room for it."""
    path = os.path.join(directory, f"{file_stamp(now)}-released-{secrets.token_hex(8)}.json")
    released = ReleasedRows(path, database, tuple(rows))
    _store(released)
    return released


def mark_restored(released: ReleasedRows, ids: t.Iterable[int]) -> None:
    """Note that these rows were restored, so that they are not restored again if they are deleted later."""
    with locked(released.path):
        restored = read_released(released.path).restored
        _store(replace(released, restored=restored.union(ids)))


def read_released(path: str) -> ReleasedRows:
    """Raises BadOption for what is no record of released rows."""
    record = _KIND.read(path)
    rows, restored, database = record.get("rows"), record.get("restored", []), record.get("database")
    shapes = {
        "database": isinstance(database, str),
        "rows": isinstance(rows, list) and all(map(_is_row, rows)),
        "restored": isinstance(restored, list) and all(isinstance(number, int) for number in restored),
    }
    wrong = [key for key, right in shapes.items() if not right]
    if wrong:
        raise _KIND.damaged(path, wrong)
    return ReleasedRows(path, str(database), tuple(t.cast("list[Row]", rows)), frozenset(restored))


def _is_row(value: t.Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), int)


def _store(released: ReleasedRows) -> None:
    values = {
        "database": released.database,
        "rows": list(released.rows),
        "restored": sorted(released.restored),
    }
    _KIND.write(released.path, _KIND.begin(values))
