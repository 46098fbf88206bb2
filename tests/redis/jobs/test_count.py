# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting many jobs: in two processes as in one, by a user who may run no scripts, and while Redis is asked ahead."""

from __future__ import annotations

import os
import random

import pytest
import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs import count
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.prefetch import Ahead
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal import filtered_iterate
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.prefilter import Needles
from ansible_collections.fediverse.mastodon.tests.redis import odd_members
from ansible_collections.fediverse.mastodon.tests.redis.intents import module_options


@pytest.fixture
def instance(scratch_redis, redis_process):
    """Odd and usual jobs, many of them twice."""
    chance = random.Random(5)
    members = [raw for raw, _is_job in odd_members.members(5, 1500)]
    pipe = scratch_redis.pipeline()
    pipe.sadd("queues", "pull", "push")
    for raw in members + chance.sample(members, 500):
        pipe.lpush("queue:pull", raw)
    for number, raw in enumerate(members[:800]):
        pipe.zadd("retry", {raw: 1795331156 + number})
    pipe.execute()
    return scratch_redis


def counted(client, **options):
    """What sidekiq_job_info says; these members hold anything, also where their class stands."""
    given = module_options(sidekiq_job.INFO_OPTIONS, options)
    return sidekiq_job.job_info(Session(client, Keys(""), given, False, "test"))


@pytest.mark.parametrize("sort", ["oldest", "newest", "attempts"])
@pytest.mark.parametrize(
    "selection", [{"all": True}, {"sets": ["queues"]}, {"where": "attempts > `1`"}, {"classes": ["*Worker"]}]
)
def test_two_processes_count_as_one_does(instance, monkeypatch, selection, sort):
    options = {**selection, "sort": sort, "limit": 50}
    alone = counted(instance, **options)
    began = []

    class Seen(count.SecondProcess):
        def give(self, page):
            began.append(page[0])
            super().give(page)

    monkeypatch.setattr(count, "SecondProcess", Seen)
    monkeypatch.setattr(count, "_FOR_TWO", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert counted(instance, **options) == alone
    assert alone["total"] > 0
    assert began, "the second process had nothing to do"


@pytest.mark.parametrize(
    "selection", [{"classes": ["*Delivery*"]}, {"domains": ["*.example"]}, {"jids": [f"{1:024x}"]}]
)
def test_a_user_who_may_run_no_scripts_counts_the_same(instance, redis_process, selection):
    expected = counted(instance, **selection)
    instance.acl_setuser(
        "looker", enabled=True, passwords=["+open sesame"], keys=["*"], commands=["+@all", "-@scripting"]
    )
    try:
        socket = str(redis_process.socket)
        with redis.Redis(unix_socket_path=socket, username="looker", password="open sesame") as looker:
            assert counted(looker, **selection) == expected
    finally:
        instance.acl_deluser("looker")


def test_an_answer_that_nobody_fetched_is_no_answer_to_others(scratch_redis):
    scratch_redis.set("first", "1")
    scratch_redis.set("second", "2")
    ahead = Ahead(scratch_redis)
    ahead.ask(["GET", "first"], ["GET", "second"])
    assert ahead.answer() == [b"1", b"2"]
    ahead.ask(["GET", "first"])
    ahead.close()
    ahead.close()
    assert scratch_redis.get("second") == b"2"


def test_a_refusal_leaves_the_connection_of_use(scratch_redis):
    scratch_redis.set("text", "1")
    ahead = Ahead(scratch_redis)
    ahead.ask(["LLEN", "text"], ["GET", "text"])
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        ahead.answer()
    ahead.ask(["GET", "text"])
    assert ahead.answer() == [b"1"]
    ahead.close()
    assert scratch_redis.get("text") == b"1"


def test_a_scan_that_is_left_early_gives_its_connection_back(scratch_redis):
    scratch_redis.lpush("queue:pull", *[b'{"class":"X","jid":"%d"}' % number for number in range(5000)])
    found = filtered_iterate.candidates(scratch_redis, b"queue:pull", Needles([b'"X"']))
    assert next(found)[0] == 0
    found.close()
    assert scratch_redis.llen("queue:pull") == 5000
