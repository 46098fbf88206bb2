# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The clock by which Sidekiq's times are judged: that of Redis, which all its machines share."""

from __future__ import annotations

import typing as t


def redis_time(client: t.Any) -> float:
    """Epoch seconds of the clock of Redis."""
    seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1e6
