# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The record of rows that were given free, so that they can be put back: a JSON file, mode 0600, synced before the first row goes."""

from __future__ import annotations

import json
import os
import secrets
import typing as t
from dataclasses import dataclass, replace

from ..._sidekiq.errors import BadOption
from ..._sidekiq.regular_file import read_regular
from ..._sidekiq.times import iso
from ..database import Row
from ..host import atomic_file

FORMAT: t.Final = "fediverse.mastodon exports"
VERSION: t.Final = 1
_LARGEST: t.Final = 256 * 1024**2


@dataclass(frozen=True)
class Record:
    """Which rows of which database were released. `done`: ids of rows that were put back already."""

    path: str
    database: str
    rows: tuple[Row, ...]
    done: frozenset[int] = frozenset()


def write_record(directory: str, database: str, rows: t.Sequence[Row], now: float) -> Record:
    """Write a new record. Raises SidekiqError where there is no room for it."""
    stamp = (iso(now) or "").replace(":", "").replace("-", "")
    record = Record(os.path.join(directory, f"{stamp}-released-{secrets.token_hex(8)}.json"), database, tuple(rows))
    _store(record)
    return record


def mark_done(record: Record, ids: t.Iterable[int]) -> None:
    """Note that these rows were put back, so that it is not done again when they are gone once more."""
    with atomic_file.locked(record.path):
        done = read_record(record.path).done
        _store(replace(record, done=done.union(ids)))


def read_record(path: str) -> Record:
    """Raises BadOption for what is no record."""
    try:
        found = json.loads(read_regular(path, _LARGEST))
    except OSError as problem:
        raise BadOption(
            f"The record {path} cannot be read: {problem.strerror}. Check path, on the host that runs the task."
        ) from None
    except (RecursionError, ValueError):
        raise BadOption(f"{path} is no record of this collection: it is no JSON that can be read.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadOption(f"{path} is no record of this collection (it says no format {FORMAT!r}).")
    if found.get("version") != VERSION:
        raise BadOption(f"{path} is a record of version {found.get('version')}; this release reads version {VERSION}.")
    rows: t.Any = found.get("rows")
    done, database = found.get("restored", []), found.get("database")
    if not _are_rows(rows) or not isinstance(done, list) or not isinstance(database, str):
        raise BadOption(f"The record {path} is damaged: it does not say which rows it holds. Nothing was restored.")
    return Record(path, database, tuple(rows), frozenset(number for number in done if isinstance(number, int)))


def _are_rows(value: t.Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) and isinstance(row.get("id"), int) for row in value)


def _store(record: Record) -> None:
    text = json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "database": record.database,
            "rows": list(record.rows),
            "restored": sorted(record.done),
        },
        ensure_ascii=False,
    )
    atomic_file.write(record.path, text + "\n", "archive_dir")
