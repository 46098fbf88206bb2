# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a Sidekiq in production takes from config/sidekiq.yml, where that can be told without running its ERB."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .plan import Reading, read


@dataclass(frozen=True)
class SidekiqYml:
    """None, or no queues: not said, or not to be understood without Ruby."""

    concurrency: int | None = None
    timeout: int | None = None
    queues: tuple[str, ...] = ()


def read_sidekiq_yml(text: str, variables: t.Mapping[str, str]) -> SidekiqYml:
    """`variables` are those that Sidekiq sees; Mastodon's own file asks for SIDEKIQ_CONCURRENCY."""
    readings = [read(text, "production"), read(text)]  # the section wins, key by key
    queues = [reading.settings.queues for reading in readings if reading.settings.queues]
    return SidekiqYml(
        _number("concurrency", readings, variables),
        _number("timeout", readings, variables),
        tuple(queue.name for queue in queues[0]) if queues else (),
    )


def _number(key: str, readings: t.Sequence[Reading], variables: t.Mapping[str, str]) -> int | None:
    for reading in readings:
        value = getattr(reading.settings, key)
        if value is not None:
            asked = variables.get(reading.variables.get(key, ""), "")
            return int(asked) if asked.isdigit() else int(value)
    return None
