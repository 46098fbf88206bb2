# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A selection restores a part of an archive: that part, and later the rest."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys


def session(client, spec, check_mode=False, **options):
    values = {name: option.get("default") for name, option in spec.items()}
    return Session(client, Keys(""), {**values, **options}, check_mode, "test")


def payload(number, queue):
    return json.dumps({"class": "A", "args": [number], "queue": queue, "jid": f"{number:024x}", "created_at": 1.5})


@pytest.fixture
def archive(scratch_redis, tmp_path):
    scratch_redis.sadd("queues", "push", "pull")
    scratch_redis.lpush("queue:push", *(payload(number, "push") for number in range(20)))
    scratch_redis.lpush("queue:pull", *(payload(number, "pull") for number in range(20, 50)))
    scratch_redis.zadd("retry", {payload(number, "push"): number for number in range(50, 65)})
    done = sidekiq_job.edit_jobs(
        session(scratch_redis, sidekiq_job.JOB_OPTIONS, state="absent", classes=["A"], archive_dir=str(tmp_path))
    )
    assert done["edited"] == 65
    return done["archive"]


def sizes(client):
    return client.llen("queue:push"), client.llen("queue:pull"), client.zcard("retry")


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        ({"sets": ["queues"]}, (20, 30, 0)),
        ({"sets": ["retry"]}, (0, 0, 15)),
        ({"queues": ["pull"]}, (0, 30, 0)),
        ({"queues": ["push"]}, (20, 0, 15)),
        ({"sets": ["queues"], "queues": ["push"]}, (20, 0, 0)),
        ({"sets": ["scheduled"]}, (0, 0, 0)),
    ],
    ids=str,
)
def test_a_part_and_then_the_rest(scratch_redis, archive, selection, left):
    options = {"path": archive, **selection}
    predicted = sidekiq_job.restore(session(scratch_redis, sidekiq_job.ARCHIVE_OPTIONS, check_mode=True, **options))
    assert predicted["restored"] == sum(left)
    assert sizes(scratch_redis) == (0, 0, 0)
    assert sidekiq_job.restore(session(scratch_redis, sidekiq_job.ARCHIVE_OPTIONS, **options))["restored"] == sum(left)
    assert sizes(scratch_redis) == left
    rest = sidekiq_job.restore(session(scratch_redis, sidekiq_job.ARCHIVE_OPTIONS, path=archive))
    assert rest["restored"] == 65 - sum(left)
    assert sizes(scratch_redis) == (20, 30, 15)


def test_some_at_a_time_and_each_once(scratch_redis, archive):
    before = {}
    for number in range(20):
        options = {"path": archive, "limit": 15}
        predicted = sidekiq_job.restore(session(scratch_redis, sidekiq_job.ARCHIVE_OPTIONS, check_mode=True, **options))
        done = sidekiq_job.restore(session(scratch_redis, sidekiq_job.ARCHIVE_OPTIONS, **options))
        untimed = {"locks_taken": 0, "began_epoch": 0.0}  # the moment is another one
        assert {**done, **untimed} == {**predicted, **untimed}
        if not done["changed"]:
            break
        assert done["remaining"] == 65 - sum(sizes(scratch_redis))
        before[number] = done["restored"]
    assert before == {0: 15, 1: 15, 2: 15, 3: 15, 4: 5}
    assert sizes(scratch_redis) == (20, 30, 15)
    for queue, numbers in (("push", range(20)), ("pull", range(20, 50))):
        stored = [json.loads(raw)["args"][0] for raw in reversed(scratch_redis.lrange(f"queue:{queue}", 0, -1))]
        assert stored == list(numbers), "in their old order"


def test_a_limit_counts_what_the_selection_picks(scratch_redis, archive):
    options = {"path": archive, "sets": ["retry"], "limit": 4}
    done = sidekiq_job.restore(session(scratch_redis, sidekiq_job.ARCHIVE_OPTIONS, **options))
    assert (done["restored"], done["remaining"], sizes(scratch_redis)) == (4, 11, (0, 0, 4))


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_makes_no_sense_is_refused(scratch_redis, archive, limit):
    with pytest.raises(BadOption, match="limit must be at least 1"):
        sidekiq_job.restore(session(scratch_redis, sidekiq_job.ARCHIVE_OPTIONS, path=archive, limit=limit))
