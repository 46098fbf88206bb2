# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More queues or processes than anybody has: each module that would read them all says so, after a few commands."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.tests.redis import modules

READERS = {
    "sidekiq_health_info": {},
    "sidekiq_info": {"sections": ["totals", "queues", "processes", "busy"]},
    "sidekiq_job_info": {"all": True},
    "sidekiq_job": {"state": "absent", "all": True},
    "sidekiq_process": {"state": "quiet", "queues": ["push"]},
    "sidekiq_probe": {"timeout": "1s"},
}


def url(client):
    return "unix://{path}?db={db}".format(**client.connection_pool.connection_kwargs)


def calls(client):
    return sum(int(stats["calls"]) for stats in client.info("commandstats").values())


TOO_MANY = {"queues": (200_000, "200,000 queues"), "processes": (20_000, "20,000")}
NEEDS_NO_QUEUES = {"sidekiq_process"}


@pytest.mark.parametrize(
    ("name", "key"),
    [(name, key) for name in READERS for key in TOO_MANY if key != "queues" or name not in NEEDS_NO_QUEUES],
)
def test_it_is_refused_and_said(scratch_redis, name, key):
    count, said = TOO_MANY[key]
    pipe = scratch_redis.pipeline()
    for first in range(0, count, 10_000):
        pipe.sadd(key, *(f"name-{number}:1:a" for number in range(first, first + 10_000)))
    pipe.execute()
    scratch_redis.config_resetstat()
    result = modules.run(name, redis_url=url(scratch_redis), **READERS[name])
    assert result["failed"] and said in result["msg"] and f"in the set {key}" in result["msg"], result
    assert calls(scratch_redis) < 60
