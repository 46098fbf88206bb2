# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive goes back into the data from which it was taken: wherever they are now, and as far as Redis has kept the edit."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys

QUEUED, RETRIED = 40, 30


def session(client, spec, server, check_mode=False, **options):
    values = {name: option.get("default") for name, option in spec.items()}
    return Session(client, Keys(""), {**values, **options}, check_mode, server)


def edit(client, directory, **options):
    given = {"state": "absent", "all": True, "archive_dir": str(directory), **options}
    return sidekiq_job.edit_jobs(session(client, sidekiq_job.JOB_OPTIONS, "here db 0", **given))


def restore(client, archive, server="here db 0", **options):
    """What the run did, which is what check mode has predicted, but for the moment and for jobs that have moved on."""
    predicted = sidekiq_job.restore(session(client, sidekiq_job.ARCHIVE_OPTIONS, server, True, path=archive, **options))
    done = sidekiq_job.restore(session(client, sidekiq_job.ARCHIVE_OPTIONS, server, path=archive, **options))
    assert done["began_epoch"] >= predicted["began_epoch"]
    own = {"moved_on": 0, "began_epoch": 0.0}
    assert {**done, **own} == {**predicted, **own}
    return done


def payload(number):
    return json.dumps({"class": "A", "args": [number], "queue": "push", "jid": f"{number:024x}", "created_at": 1.5})


def fill(client):
    client.sadd("queues", "push")
    client.lpush("queue:push", *map(payload, range(QUEUED)))
    client.zadd("retry", {payload(number): number for number in range(QUEUED, QUEUED + RETRIED)})


def sizes(client):
    return client.llen("queue:push"), client.zcard("retry")


def data(client):
    return {key: client.dump(key) for key in client.keys("*")}


def load(client, stored):
    for key, value in stored.items():
        client.restore(key, 0, value, replace=True)


@pytest.fixture
def other(redis_process, scratch_redis):
    """Another database of the server."""
    with redis_process.client(db=1) as client:
        yield client


def test_another_database_is_refused_unless_it_is_meant(scratch_redis, other, tmp_path):
    fill(scratch_redis)
    archive = edit(scratch_redis, tmp_path)["archive"]
    for check_mode in (True, False):
        with pytest.raises(BadOption, match="here db 1 does not know the archive .*, which was made in here db 0 at "):
            sidekiq_job.restore(session(other, sidekiq_job.ARCHIVE_OPTIONS, "here db 1", check_mode, path=archive))
    assert not other.keys("*")
    assert restore(other, archive, "here db 1", force=True, sets=["retry"])["restored"] == RETRIED
    assert restore(other, archive, "here db 1")["restored"] == QUEUED, "it knows the archive now"
    assert restore(other, archive, "here db 1", force=True)["already_restored"] == QUEUED + RETRIED
    assert sizes(other) == (QUEUED, RETRIED)


@pytest.mark.parametrize("times", [0, 1])
def test_the_same_data_elsewhere_are_known(times, scratch_redis, other, tmp_path):
    """A replica that took over, or another server after a move; before a first restore, and after it."""
    fill(scratch_redis)
    archive = edit(scratch_redis, tmp_path)["archive"]
    for _time in range(times):
        restore(scratch_redis, archive, limit=10)
    load(other, data(scratch_redis))
    assert restore(other, archive, "there db 0")["restored"] == QUEUED + RETRIED - 10 * times
    assert sizes(other) == (QUEUED, RETRIED)


def test_data_from_before_the_edit_get_no_job_twice(scratch_redis, tmp_path):
    fill(scratch_redis)
    before = data(scratch_redis)
    archive = edit(scratch_redis, tmp_path)["archive"]
    scratch_redis.flushall()
    load(scratch_redis, before)
    with pytest.raises(BadOption, match="The edit removed 70 jobs: 70 wait in their place here, 0 do not. "):
        restore(scratch_redis, archive)
    scratch_redis.rpop("queue:push", 3)  # run since, or lost with the end of the log
    for _time in range(2):
        done = restore(scratch_redis, archive, force=True)
        assert done["not_taken"] == QUEUED - 3 + RETRIED
    assert sizes(scratch_redis) == (QUEUED, RETRIED)


@pytest.mark.parametrize("state", ["moved", "dead"])
def test_jobs_that_went_elsewhere_and_are_back_by_themselves_stay(state, scratch_redis, tmp_path):
    fill(scratch_redis)
    before = data(scratch_redis)
    archive = edit(scratch_redis, tmp_path, state=state, to_queue="slow" if state == "moved" else None)["archive"]
    scratch_redis.flushall()
    load(scratch_redis, before)
    restore(scratch_redis, archive, force=True)
    assert data(scratch_redis).items() >= before.items()


def test_what_redis_has_lost_of_an_edit_is_not_put_back(scratch_redis, tmp_path):
    """A fail-over in the middle: the last steps are undone, with their bits."""
    fill(scratch_redis)
    archive = edit(scratch_redis, tmp_path)["archive"]
    [key] = scratch_redis.keys("fediverse.mastodon:taken:*")
    scratch_redis.rpush("queue:push", payload(0))
    scratch_redis.setbit(key, 0, 0)
    done = restore(scratch_redis, archive)
    assert (done["restored"], done["not_taken"]) == (QUEUED + RETRIED - 1, 1)
    assert sizes(scratch_redis) == (QUEUED, RETRIED)


def test_redis_knows_an_archive_for_ninety_days(scratch_redis, tmp_path):
    fill(scratch_redis)
    edit(scratch_redis, tmp_path)
    [key] = scratch_redis.keys("fediverse.mastodon:*")
    assert 89 * 86400 < scratch_redis.ttl(key) <= 90 * 86400
