# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A layout as the role `workers` takes it."""

from __future__ import annotations

import typing as t

from ..validate import STOCK

WEIGHTS: t.Final[t.Mapping[str, int]] = {"default": 8, "push": 6, "ingress": 4, "mailers": 2}
"""Of Mastodon's config/sidekiq.yml; the others have 1."""


def worker_units(threads: t.Sequence[int], queues: t.Sequence[str]) -> list[dict[str, t.Any]]:
    """For `workers_units`. The stock unit serves all queues. From three processes on the second serves `pull` alone, whose
    exports and deletions hold threads for hours. The others share all queues but `scheduler`, which only one may serve."""
    everything = [{"name": queue, "weight": WEIGHTS.get(queue, 1)} for queue in queues]
    shared = [queue for queue in everything if queue["name"] != "scheduler"]
    units: list[dict[str, t.Any]] = []
    number = 2
    for position, count in enumerate(threads):
        if position == 0:
            units.append({"name": STOCK, "queues": everything, "threads": count})
        elif position == 1 and len(threads) >= 3 and "pull" in queues:
            units.append({"name": "pull", "queues": [{"name": "pull", "weight": 1}], "threads": count})
        else:
            units.append({"name": str(number), "queues": shared, "threads": count})
            number += 1
    return units
