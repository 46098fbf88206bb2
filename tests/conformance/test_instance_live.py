# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sidekiq's Ruby API reads the made-up instance as it is meant."""

from __future__ import annotations

import collections
import time

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import situations, workers
from ansible_collections.fediverse.mastodon.tests.instance.releases import at_least
from ansible_collections.fediverse.mastodon.tests.redis.instance.test_instance import (
    SCALE,
    SETS,
    TROUBLE_QUEUES,
    TROUBLE_SETS,
)


def test_ruby_sees_the_trouble(live):
    """Written as the release at hand writes it, and read by its own API."""
    live.client.flushall()
    now = time.time()
    (process,) = situations.trouble(live.client, version=live.release.version, now=now, scale=SCALE)
    seen = live.judge.ask("snapshot", jobs=False, clock=now)
    sizes = {queue["name"]: queue["size"] for queue in seen["queues"]}
    assert sizes == {**dict.fromkeys(workers.QUEUES, 0), **TROUBLE_QUEUES}
    assert {name: len(seen[name]) for name in SETS} == TROUBLE_SETS
    latencies = {queue["name"]: queue["latency"] for queue in seen["queues"]}
    expected = {
        "default": 2400,
        "push": 2400,
        "ingress": 2400,
        "pull": 3 * 3600,
        "mailers": 0,
        "scheduler": 0,
        "fasp": 0,
    }
    assert latencies == pytest.approx(expected, abs=0.01)
    assert seen["stats"]["processed"] == int(live.client.get("stat:processed"))
    assert (seen["stats"]["processes_size"], seen["stats"]["workers_size"]) == (2, 25)

    (alive,) = seen["processes"]
    assert (alive["identity"], alive["busy"], alive["concurrency"]) == (process.identity, 25, 25)
    assert alive["queues"] == list(workers.QUEUES)
    assert alive["version"] == (live.release.version if at_least(live.release.version, 7, 0, 2) else None)
    work = collections.Counter(job["display_class"] for job in seen["work"])
    assert work == {"ActivityPub::DeliveryWorker": 24, "AccountRefreshWorker": 1}

    exports = [job for job in seen["retry"] if job["class"] == "BackupWorker"]
    assert sorted(job["display_args"][0] for job in exports) == [8390, 8390, 8390, 8412]
    assert all(
        job["error_backtrace"][0].startswith("/home/mastodon/live/app/workers/backup_worker.rb") for job in exports
    )
    assert all(now - 7 * workers.DAY < job["failed_at"] <= now for job in seen["retry"])
    assert all("raises" not in entry for name in SETS for entry in seen[name])
