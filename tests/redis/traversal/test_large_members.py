# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large jobs among small ones: a step of an edit turns one of them alone, and a page that is read has few."""

from __future__ import annotations

import json
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import rotation
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal import iterate
from ansible_collections.fediverse.mastodon.tests.redis import modules

LARGE, MANY = 500_000, 60


def activity(number, size):
    domain = "huge.example" if size else f"s{number % 50}.example"
    said = json.dumps({"actor": f"https://{domain}/users/x", "object": "y" * size})
    usual = {"class": "ActivityPub::ProcessingWorker", "queue": "ingress", "retry": 8, "jid": f"{number:024x}"}
    return json.dumps(
        {**usual, "args": [number, said, None, "Account"], "created_at": time.time(), "enqueued_at": time.time()}
    )


@pytest.fixture(params=["first", "among small ones"])
def queue(request, scratch_redis):
    """A queue and a set with as many large jobs."""
    large = [activity(number, LARGE) for number in range(MANY)]
    small = [activity(number, 0) for number in range(1000, 3000)]
    ordered = [*large, *small] if request.param == "first" else [*small[:1500], *large, *small[1500:]]
    scratch_redis.sadd("queues", "ingress")
    for raw in ordered:
        scratch_redis.lpush("queue:ingress", raw)
    yield scratch_redis
    scratch_redis.flushall()


def url(client):
    return "unix://{path}?db={db}".format(**client.connection_pool.connection_kwargs)


@pytest.fixture
def moved(monkeypatch):
    """How many bytes at most a step of an edit turned, and a page that was read had. Large members are counted, the others are small."""
    most = {"step": 0, "page": 0}
    advance, learn = rotation.Turn.advance, iterate.Page.learn

    def advanced(self, left, processed, **how):
        most["step"] = max(most["step"], processed)
        return advance(self, left, processed, **how)

    def learned(self, count, size, *largest):
        most["page"] = max(most["page"], size)
        return learn(self, count, size, *largest)

    monkeypatch.setattr(rotation.Turn, "advance", advanced)
    monkeypatch.setattr(iterate.Page, "learn", learned)
    return most


def jids(client):
    return [json.loads(raw)["jid"] for raw in client.lrange("queue:ingress", 0, -1)]


def test_an_edit_turns_large_jobs_one_by_one(scratch_redis, moved, tmp_path):
    """Not one of them is meant, but that which is meant lies behind them."""
    scratch_redis.sadd("queues", "ingress")
    for number in range(MANY):
        scratch_redis.lpush("queue:ingress", activity(number, LARGE))
    scratch_redis.lpush("queue:ingress", activity(1000, 0))
    options = {"redis_url": url(scratch_redis), "archive_dir": str(tmp_path)}
    before = jids(scratch_redis)
    result = modules.run("sidekiq_job", state="absent", queues=["ingress"], domains=["s0.example"], **options)
    assert result["edited"] == 1 and jids(scratch_redis) == before[1:]
    assert moved["step"] == 1
    assert moved["page"] <= iterate.PAGE_BYTES + LARGE + 1000
    back = modules.run("sidekiq_archive", path=result["archive"], redis_url=url(scratch_redis))
    assert back["restored"] == 1 and jids(scratch_redis) == before and moved["step"] == 1


def test_large_jobs_go_and_come_back(queue, tmp_path):
    before = jids(queue)
    options = {"redis_url": url(queue), "archive_dir": str(tmp_path)}
    result = modules.run("sidekiq_job", state="absent", queues=["ingress"], domains=["huge.example"], **options)
    assert result["edited"] == MANY and queue.llen("queue:ingress") == 2000
    back = modules.run("sidekiq_archive", path=result["archive"], redis_url=url(queue))
    assert back["restored"] == MANY and jids(queue) == before


@pytest.mark.parametrize("options", [{"domains": ["huge.example"]}, {"all": True}])
def test_reading_moves_few_large_jobs_at_once(queue, moved, options):
    """Where nothing said that a large one comes, twenty at most are read before it shows, and without a script a page."""
    found = modules.run("sidekiq_job_info", redis_url=url(queue), queues=["ingress"], limit=0, **options)
    assert found["by_domain"]["huge.example"] == MANY
    first = len(jids(queue)) and json.loads(queue.lindex("queue:ingress", -1))["jid"] == f"{0:024x}"
    if first:
        assert moved["page"] <= iterate.PAGE_BYTES + 4 * LARGE
    elif options.get("domains"):
        assert moved["page"] <= iterate.PAGE_BYTES + 20 * LARGE + 1000
