# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Sidekiq's own counters."""

from __future__ import annotations

from dataclasses import dataclass

from ..keys import Keys
from ..redis.batch import Batch, Reader
from ..times import number


@dataclass(frozen=True)
class Counters:
    """Executions since ever: `processed` counts failed ones too (sidekiq api.rb, `Stats`)."""

    processed: int
    failed: int


def read_counters(batch: Batch, key: Keys) -> Reader[Counters]:
    """One round trip."""
    processed, failed = batch.ask("get", key("stat:processed")), batch.ask("get", key("stat:failed"))
    yield
    return Counters(int(number(processed.get(0)) or 0), int(number(failed.get(0)) or 0))
