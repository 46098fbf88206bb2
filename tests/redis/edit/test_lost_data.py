# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis loses its data, or is set back, during an edit, after it or during a restore: no job is lost or doubled, and no task claims success."""

from __future__ import annotations

import collections
import json
import pathlib
import re

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import extract, rotation
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import restore as restoring
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.tests.redis import modules

JOBS = 60
EDITS = {
    "absent": {"sets": ["queues", "retry"]},
    "moved": {"sets": ["queues"], "to_queue": "slow"},
    "dead": {"sets": ["queues", "retry"]},
    "enqueued": {"sets": ["retry"]},
    "rescheduled": {"sets": ["retry"], "in": "2h"},
}
LOSSES = ("flushed", "set back to before it", "set back into the middle", "forgotten", "another database")


class Killed(Exception):
    """What the process of an edit dies of."""


def payload(number):
    return json.dumps({"class": "A", "args": [number], "queue": "push", "jid": f"{number:024x}", "created_at": 1.5})


def fill(client):
    client.sadd("queues", "push")
    client.lpush("queue:push", *map(payload, range(JOBS)))
    client.zadd("retry", {payload(number): number for number in range(JOBS, 2 * JOBS)})


def jids(client):
    """How often each job waits somewhere."""
    members = [raw for key in client.keys("queue:*") for raw in client.lrange(key, 0, -1)]
    members += [raw for key in ("retry", "schedule", "dead") for raw in client.zrange(key, 0, -1)]
    return collections.Counter(int(re.search(rb'"jid": ?"(\w+)"', raw).group(1), 16) for raw in members)


ONCE = dict.fromkeys(range(2 * JOBS), 1)


def place_of(number):
    return "queues" if number < JOBS else "retry"


def data(client):
    return {key: client.dump(key) for key in client.keys("*")}


def load(client, stored):
    client.flushdb()
    for key, value in stored.items():
        client.restore(key, 0, value)


def session(client, spec, check_mode=False, **options):
    values = {name: option.get("default") for name, option in spec.items()}
    return Session(client, Keys(""), {**values, **options}, check_mode, "here db 0")


def edit(client, directory, state):
    given = {"state": state, "all": True, "archive_dir": str(directory), **EDITS[state]}
    return sidekiq_job.edit_jobs(session(client, sidekiq_job.JOB_OPTIONS, **given))


def restore(client, archive, check_mode=False, **options):
    return sidekiq_job.restore(session(client, sidekiq_job.ARCHIVE_OPTIONS, check_mode, path=str(archive), **options))


@pytest.fixture
def between_steps(monkeypatch):
    """Makes steps small, and calls a function with the number of each before it is taken."""
    monkeypatch.setattr(rotation, "_LARGEST", 20)
    monkeypatch.setattr(rotation, "_ABANDONED", 0.02)
    monkeypatch.setattr(extract, "_STEP", 20)
    monkeypatch.setattr(restoring, "_STEP", 20)

    def hook(function):
        count = iter(range(10_000))
        monkeypatch.setattr(extract.Taker, "_late", lambda _taker: bool(function(next(count))))

    return hook


def edited(client, directory, state, ended, between_steps):
    """The archive of an edit that ended so, and the data before it and in its middle."""
    fill(client)
    moments = [data(client)]

    def step(number):
        if number == 1:
            moments.append(data(client))
        if number == 2 and ended == "killed":
            raise Killed

    between_steps(step)
    try:
        edit(client, directory, state)
    except Killed:
        assert ended == "killed"
    between_steps(lambda _number: None)
    [archive] = pathlib.Path(directory).glob("*.gz")
    if ended == "without its outcome":
        archive.write_bytes(archive.read_bytes()[:-3])
    return archive, moments


@pytest.mark.parametrize("ended", ["finished", "killed", "without its outcome"])
@pytest.mark.parametrize("state", EDITS)
@pytest.mark.parametrize("loss", LOSSES)
def test_an_edit_whose_redis_lost_data(loss, state, ended, redis_process, scratch_redis, tmp_path, between_steps):
    archive, moments = edited(scratch_redis, tmp_path, state, ended, between_steps)
    client = scratch_redis
    if loss == "flushed":
        client.flushall()
    elif loss == "set back to before it":
        load(client, moments[0])
    elif loss == "set back into the middle":
        load(client, moments[1])
    elif loss == "forgotten":
        client.delete(*client.keys("fediverse.mastodon:*"))
    else:
        client = redis_process.client(db=1)
    empty = loss in ("flushed", "another database")
    known = loss == "set back into the middle"
    with client:
        if not known:
            before = data(client)
            for check_mode in (True, False):
                with pytest.raises(BadOption, match="does not know the archive") as refused:
                    restore(client, archive, check_mode)
                assert str(archive) in str(refused.value) and refused.value.hint == "force_restore"
            assert data(client) == before
        expected = restore(client, archive, True, force=not known)
        done = restore(client, archive, force=not known)
        assert done["restored"] == expected["restored"]
        assert done["moved_on"] == 0
        total = {number: 1 for number in ONCE if not empty or place_of(number) in EDITS[state]["sets"]}
        assert jids(client) == total
        for again in ({}, {"force": True}):
            assert restore(client, archive, **again)["restored"] == 0
        assert jids(client) == total
        if (loss, state) != ("forgotten", "rescheduled"):
            scores = client.zrange("retry", 0, -1, withscores=True)
            assert all(score == int(json.loads(raw)["jid"], 16) for raw, score in scores)


@pytest.mark.parametrize("state", EDITS)
@pytest.mark.parametrize("loss", ["flushed", "set back to before it"])
def test_redis_loses_its_data_while_an_edit_goes_on(loss, state, redis_process, scratch_redis, tmp_path, between_steps):
    """A Redis that was restarted without its data, or emptied: the edit ends with an error, and does not begin a new account of itself."""
    client = scratch_redis
    fill(client)
    before = data(client)

    def step(number):
        if number == 1 and loss == "flushed":
            client.flushall()
            fill(client)  # as producers do
        elif number == 1:
            load(client, before)

    between_steps(step)
    options = {"state": state, "all": True, "archive_dir": str(tmp_path), **EDITS[state]}
    result = modules.run("sidekiq_job", redis_socket=str(redis_process.socket), **options)
    assert result["failed"] and "has lost data since this task began" in result["msg"], result
    assert jids(client) == ONCE
    [archive] = tmp_path.glob("*.gz")
    assert result["archive"] == str(archive)
    between_steps(lambda _number: None)
    with pytest.raises(BadOption, match="does not know the archive"):
        restore(client, archive)
    assert restore(client, archive, force=True)["restored"] == 0
    assert jids(client) == ONCE


@pytest.mark.parametrize("state", EDITS)
def test_redis_is_set_back_into_the_middle_while_an_edit_goes_on(state, scratch_redis, tmp_path, between_steps):
    client, moments = scratch_redis, {}
    fill(client)

    def step(number):
        if number == 1:
            moments["middle"] = data(client)
        if number == 2:
            load(client, moments["middle"])

    between_steps(step)
    done = edit(client, tmp_path, state)
    between_steps(lambda _number: None)
    [archive] = tmp_path.glob("*.gz")
    assert done["edited"] == restore(client, archive, True)["restored"]
    restore(client, archive)
    assert jids(client) == ONCE


def test_redis_loses_its_data_after_the_last_step(redis_process, scratch_redis, tmp_path, monkeypatch):
    fill(scratch_redis)
    real = extract.Taker.take

    def taking(taker, entries):
        real(taker, entries)
        scratch_redis.flushall()

    monkeypatch.setattr(extract.Taker, "take", taking)
    options = {"state": "absent", "all": True, "archive_dir": str(tmp_path)}
    result = modules.run("sidekiq_job", redis_socket=str(redis_process.socket), **options)
    assert result["failed"] and "has lost data since this task began" in result["msg"], result
    monkeypatch.undo()
    [archive] = tmp_path.glob("*.gz")
    with pytest.raises(BadOption, match="does not know the archive"):
        restore(scratch_redis, archive)
    assert restore(scratch_redis, archive, force=True)["restored"] == 2 * JOBS
    assert jids(scratch_redis) == ONCE


@pytest.mark.parametrize("moment", ["taken", "restored"])
def test_redis_loses_its_data_while_jobs_are_put_back(moment, scratch_redis, tmp_path, between_steps, monkeypatch):
    """Set back to before the edit, or into the middle of the restore."""
    client = scratch_redis
    between_steps(lambda _number: None)
    fill(client)
    moments = {"before": data(client)}
    archive = edit(client, tmp_path, "absent")["archive"]
    real, count = restoring.Restorer._count, iter(range(100))

    def counting(restorer, placed, locked):
        real(restorer, placed, locked)
        number = next(count)
        if number == 0:
            moments["middle"] = data(client)
        if number == 1:
            load(client, moments["before" if moment == "taken" else "middle"])

    monkeypatch.setattr(restoring.Restorer, "_count", counting)
    try:
        restore(client, archive)
    except Exception as failure:
        assert moment == "taken" and "LOSTDATA" in str(failure), failure
    else:
        assert moment == "restored"
    monkeypatch.setattr(restoring.Restorer, "_count", real)
    restore(client, archive, force=True)
    assert jids(client) == ONCE


def test_an_edit_that_died_before_its_first_step_took_nothing(scratch_redis, tmp_path, between_steps):
    fill(scratch_redis)

    def step(_number):
        raise Killed

    between_steps(step)
    with pytest.raises(Killed):
        edit(scratch_redis, tmp_path, "absent")
    [archive] = tmp_path.glob("*.gz")
    scratch_redis.rpop("queue:push", 5)  # workers go on
    result = restore(scratch_redis, archive)
    assert (result["restored"], result["not_taken"], result["warnings"]) == (0, 2 * JOBS, [])
