# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sidekiq_probe says of queues that nobody serves, and where there is none."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.tests.redis import modules


@pytest.fixture
def probe(scratch_redis):
    path = scratch_redis.connection_pool.connection_kwargs["path"]
    return lambda check_mode=False, **options: modules.run("sidekiq_probe", check_mode, redis_socket=path, **options)


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(("options", "words"), [({}, "no queue is registered"), ({"queues": []}, "queues is empty")])
def test_where_nothing_is_probed_nothing_passed(options, words, check_mode, probe):
    result = probe(check_mode, **options)
    assert (result["passed"], result["queues"], result["changed"]) == (False, [], False)
    assert result["reason"].startswith("nothing was probed: ") and words in result["reason"]


def test_the_reason_names_the_queues(probe, scratch_redis):
    scratch_redis.sadd("queues", "a", "b")
    result = probe()
    assert not result["passed"]
    assert result["reason"] == "a: no process takes jobs from it; b: no process takes jobs from it"
