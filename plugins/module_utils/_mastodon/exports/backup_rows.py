# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Rows of `backups`: the archives that people asked for ("exports").

Source: app/models/backup.rb and db/schema.rb of Mastodon 4.2 to 4.6. A row is pending until `BackupService` sets its file
and `processed` in one save. Whoever joins it never reads a mail address.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ..database import Database, Row, literal, numbers


@dataclass(frozen=True)
class Backup:
    """A row. Times in epoch seconds, sizes in bytes. `account`: the name of the account, None if that is gone.

    `file`: the name of the archive's file, None while there is none.
    """

    id: int
    user_id: int | None
    account: str | None
    processed: bool
    file: str | None
    size: int | None
    created_at: float
    updated_at: float

    @property
    def pending(self) -> bool:
        return not self.processed

    @property
    def path(self) -> str | None:
        """Below the place where Mastodon keeps files (config/initializers/paperclip.rb)."""
        return None if self.file is None else f"backups/dumps/{id_partition(self.id)}/original/{self.file}"


_COLUMNS: t.Final = """
SELECT json_build_object('id', b.id, 'user_id', b.user_id, 'account', a.username, 'processed', b.processed,
  'file', b.dump_file_name, 'size', b.dump_file_size, 'created_at', extract(epoch FROM b.created_at),
  'updated_at', extract(epoch FROM b.updated_at))
FROM backups b LEFT JOIN users u ON u.id = b.user_id LEFT JOIN accounts a ON a.id = u.account_id
"""


def id_partition(number: int) -> str:
    """`000/000/022`: nine digits, twelve from a thousand million on, in threes."""
    digits = f"{number:0{12 if number >= 10**9 else 9}d}"
    return "/".join(digits[at : at + 3] for at in range(0, len(digits), 3))


def read_backups(database: Database, ids: t.Collection[int] | None = None, pending: bool = False) -> list[Backup]:
    """Rows by id: all, those of these ids, or only those that are not finished. Raises NoDatabase."""
    conditions = ["true"]
    if ids is not None:
        conditions.append(f"b.id = ANY({numbers(ids)})")
    if pending:
        conditions.append("NOT b.processed")
    return [_backup(row) for row in database.read(f"{_COLUMNS} WHERE {' AND '.join(conditions)} ORDER BY b.id")]


def read_finished(database: Database) -> tuple[int, int]:
    """How many finished archives there are, and their size together in bytes."""
    [row] = database.read(
        "SELECT json_build_object('count', count(*), 'bytes', coalesce(sum(dump_file_size), 0)) FROM backups WHERE processed"
    )
    return int(row["count"]), int(row["bytes"])


def read_media_sizes(database: Database, ids: t.Collection[int]) -> dict[int, int]:
    """Bytes of the media that an archive will hold, by the id of its row (`ExportSummary#total_storage`)."""
    rows = database.read(
        "SELECT json_build_object('id', b.id, 'bytes', (SELECT coalesce(sum(m.file_file_size), 0) FROM media_attachments m"
        " WHERE m.account_id = u.account_id)) FROM backups b JOIN users u ON u.id = b.user_id"
        f" WHERE b.id = ANY({numbers(ids)})"
    )
    return {int(row["id"]): int(row["bytes"]) for row in rows}


def read_whole(database: Database, ids: t.Collection[int]) -> list[Row]:
    """These rows with all their columns, as a record of them."""
    return database.read(f"SELECT to_jsonb(b) FROM backups b WHERE b.id = ANY({numbers(ids)}) ORDER BY b.id")


def delete_unfinished(database: Database, ids: t.Collection[int]) -> list[int]:
    """Delete those of these rows that still have neither a file nor an end; returns their ids.

    No other table refers to `backups`, and without a file there is nothing else that `Backup#destroy` would remove.
    """
    rows = database.write(
        f"DELETE FROM backups WHERE id = ANY({numbers(ids)}) AND NOT processed AND dump_file_name IS NULL"
        " AND dump_file_size IS NULL RETURNING json_build_object('id', id)"
    )
    return sorted(int(row["id"]) for row in rows)


def insert_rows(database: Database, rows: t.Sequence[Row], check: bool = False) -> list[int]:
    """Put recorded rows back, those whose id is still free and whose user is still there; returns their ids.

    `check`: only says which.
    """
    values = literal(json.dumps(rows))
    wanted = (
        f"FROM jsonb_populate_recordset(NULL::backups, {values}::jsonb) r"
        " WHERE NOT EXISTS (SELECT FROM backups b WHERE b.id = r.id)"
        " AND EXISTS (SELECT FROM users u WHERE u.id = r.user_id)"
    )
    if check:
        done = database.read(f"SELECT json_build_object('id', r.id) {wanted}")
    else:
        done = database.write(
            f"INSERT INTO backups SELECT r.* {wanted} ON CONFLICT (id) DO NOTHING RETURNING json_build_object('id', id)"
        )
    return sorted(int(row["id"]) for row in done)


def _backup(row: Row) -> Backup:
    return Backup(
        id=int(row["id"]),
        user_id=None if row["user_id"] is None else int(row["user_id"]),
        account=row["account"],
        processed=bool(row["processed"]),
        file=row["file"],
        size=None if row["size"] is None else int(row["size"]),
        created_at=float(row["created_at"]),
        updated_at=float(row["updated_at"]),
    )


def read_largest_account(database: Database) -> int | None:
    """Bytes of the media of the local account that has most; None without any."""
    [row] = database.read(
        "SELECT json_build_object('bytes', max(s.bytes)) FROM (SELECT sum(m.file_file_size) AS bytes FROM users u"
        " JOIN media_attachments m ON m.account_id = u.account_id GROUP BY u.account_id) s"
    )
    return None if row["bytes"] is None else int(row["bytes"])
