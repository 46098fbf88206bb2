# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Names that articles on the web use, and what they mean.

No release of Mastodon had these classes or queues (its whole history was searched); admins type them all the same.
"""

from __future__ import annotations

import typing as t

CLASSES: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "ExportWorker": ("BackupWorker",),
    "ArchiveWorker": ("BackupWorker",),
    "AccountMigrationWorker": ("MoveWorker", "ActivityPub::MoveDistributionWorker"),
}
QUEUES: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "export": ("pull",),
    "exports": ("pull",),
    "backup": ("pull",),
    "federation": ("push", "ingress", "pull"),
    "sidekiq_federation": ("push", "ingress", "pull"),
}


def translate(
    names: t.Iterable[str], meanings: t.Mapping[str, tuple[str, ...]], kind: str, real: t.Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Names with those of articles replaced, and a warning for each. A name that really exists is left alone."""
    translated: list[str] = []
    warnings: list[str] = []
    for name in names:
        if name in meanings and name not in real:
            meant = " and ".join(meanings[name])
            warnings.append(f"Mastodon has no {kind} {name}; taken for {meant}.")
            translated += meanings[name]
        else:
            translated.append(name)
    return translated, warnings
