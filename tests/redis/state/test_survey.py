# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look into queues and sets: what is counted, how far it goes, and what it leaves out."""

from __future__ import annotations

import json
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.survey import take_survey
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import read_snapshot


def survey(client, limit=1000, prefix=""):
    return take_survey(client, Keys(prefix), read_snapshot(client, Keys(prefix)), limit, 300.0, 0.0)


def job(name, *args, **fields):
    return json.dumps({"class": name, "args": args, **fields})


def push(client, queue, *raws):
    """The first of them runs first."""
    client.sadd("queues", queue)
    client.lpush(f"queue:{queue}", *raws)


def delivery(number, domain="gone.example", **fields):
    return job("ActivityPub::DeliveryWorker", "{}", number, f"https://{domain}/inbox", **fields)


def test_nothing(scratch_redis):
    found = survey(scratch_redis)
    assert (found.queue_classes, found.exports, found.deaths, found.retry_read, found.unread) == ({}, [], 0, 0, {})
    assert found.locks is None


def test_queues_by_class(scratch_redis):
    push(scratch_redis, "push", *(delivery(number) for number in range(5)), job("LinkCrawlWorker", 1), "broken")
    push(scratch_redis, "pull", job("LinkCrawlWorker", 1))
    found = survey(scratch_redis)
    assert found.queue_classes == {
        "push": {"ActivityPub::DeliveryWorker": 5, "LinkCrawlWorker": 1, "?": 1},
        "pull": {"LinkCrawlWorker": 1},
    }
    assert found.malformed == {"push": 1}


def test_retries_by_domain_and_error(scratch_redis):
    entries = {delivery(number, error_class="HTTP::TimeoutError"): number for number in range(3)}
    entries |= {delivery(3, "slow.example", error_class="OpenSSL::SSL::SSLError"): 3, job("LinkCrawlWorker"): 4, "x": 5}
    scratch_redis.zadd("retry", entries)
    found = survey(scratch_redis)
    assert found.retry_read == 6
    assert found.retry_domains == {"gone.example": 3, "slow.example": 1}
    assert found.retry_errors == {"HTTP::TimeoutError": 3, "OpenSSL::SSL::SSLError": 1, "?": 2}


def test_archives_wherever_they_are(scratch_redis):
    push(scratch_redis, "pull", *(job("LinkCrawlWorker", number) for number in range(7)), job("BackupWorker", 1))
    push(scratch_redis, "pull", job("BackupWorker", 2))
    scratch_redis.zadd("retry", {job("BackupWorker", 1, jid="r"): 1795331156.5})
    scratch_redis.zadd("schedule", {job("BackupWorker", 3): 1795331157.5})
    scratch_redis.zadd("dead", {job("BackupWorker", 4): time.time()})
    scratch_redis.sadd("processes", "a:1:x")
    scratch_redis.hset("a:1:x", "info", json.dumps({"hostname": "a"}))
    scratch_redis.hset("a:1:x:work", "t", json.dumps({"queue": "pull", "payload": job("BackupWorker", 5), "run_at": 1}))
    found = survey(scratch_redis).exports
    assert [(export.place, export.job.args, export.ahead, export.due_at) for export in found] == [
        ("queue", [1], 7, None),
        ("queue", [2], 8, None),
        ("retry", [1], None, 1795331156.5),
        ("scheduled", [3], None, 1795331157.5),
        ("running", [5], None, None),
    ]
    assert found[0].archive == found[2].archive != found[1].archive


@pytest.mark.parametrize(("ago", "deaths"), [(-5, 1), (0, 1), (3590, 1), (3610, 0), (86400, 0)], ids=str)
def test_deaths_of_the_last_hour(scratch_redis, ago, deaths):
    scratch_redis.zadd("dead", {job("A", error_class="RuntimeError"): time.time() - ago})
    found = survey(scratch_redis)
    assert found.deaths == deaths
    assert found.death_causes == ({"A: RuntimeError": 1} if deaths else {})


def test_more_than_the_limit_is_not_read_and_told(scratch_redis):
    push(scratch_redis, "push", *(delivery(number) for number in range(30)), "broken")
    push(scratch_redis, "pull", *(job("LinkCrawlWorker", number) for number in range(20)))
    scratch_redis.zadd("retry", {delivery(number): number for number in range(25)})
    scratch_redis.zadd("schedule", {job("A", number): number for number in range(20)})
    found = survey(scratch_redis, limit=20)
    assert found.unread == {"push": 11, "retry": 5}
    assert found.queue_classes["push"] == {"ActivityPub::DeliveryWorker": 20}
    assert (found.retry_read, found.malformed) == (20, {})


@pytest.mark.parametrize("limit", [0, -1])
def test_nothing_need_be_read(scratch_redis, limit):
    push(scratch_redis, "push", delivery(1), delivery(2))
    scratch_redis.zadd("retry", {delivery(3): 1.0})
    found = survey(scratch_redis, limit=limit)
    assert (found.unread, found.queue_classes, found.retry_read) == ({"push": 2, "retry": 1}, {"push": {}}, 0)


@pytest.mark.parametrize(("limit", "audited"), [(20, True), (19, False)])
def test_locks_are_judged_only_if_all_jobs_were_read(scratch_redis, limit, audited):
    push(scratch_redis, "push", *(delivery(number) for number in range(20)))
    scratch_redis.zadd("uniquejobs:digests", {"uniquejobs:a": 1.0})
    scratch_redis.hset("uniquejobs:a:LOCKED", "gone", "1.0")
    found = survey(scratch_redis, limit=limit)
    assert (found.locks is not None) == audited
    assert [lock.digest for lock in (found.locks.orphaned if found.locks else ())] == ["uniquejobs:a"] * audited


def test_queues_that_are_served_but_not_registered_are_read(scratch_redis):
    scratch_redis.lpush("queue:lost", "broken")
    scratch_redis.sadd("processes", "a:1:x")
    scratch_redis.hset("a:1:x", "info", json.dumps({"queues": ["lost"]}))
    assert survey(scratch_redis).malformed == {"lost": 1}


def test_a_namespace(scratch_redis):
    push(scratch_redis, "push", delivery(1))
    for name in scratch_redis.keys("*"):
        scratch_redis.rename(name, b"mastodon:" + name)
    assert survey(scratch_redis, prefix="mastodon:").queue_classes == {"push": {"ActivityPub::DeliveryWorker": 1}}
    assert survey(scratch_redis).queue_classes == {}
