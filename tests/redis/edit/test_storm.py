# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits while producers, workers and Sidekiq's poller go on: no job is lost, none is there twice, none is passed over."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any
from unittest import mock

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs import edit as editing
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.reader import Archive
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.bitmap import has_bit
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.tests.redis import killing, storm, victim
from ansible_collections.fediverse.mastodon.tests.redis.intents import module_options
from ansible_collections.fediverse.mastodon.tests.redis.killing import Storm, Usual, storm_round

PUSHES, CRAWLS, BACKUPS = storm.CLASSES
STATES: dict[str, dict[str, Any]] = {
    **{state: options for state, options in killing.STATES.items() if state != "unique"},
    "rescheduled": {"classes": [BACKUPS], "in": "2h"},
}


def edit(client, directory, **options):
    given = module_options(sidekiq_job.JOB_OPTIONS, {"archive_dir": str(directory), **options})
    return sidekiq_job.edit_jobs(Session(client, Keys(), given, False, "test"))


def restore(client, path):
    return sidekiq_job.restore(
        Session(client, Keys(), module_options(sidekiq_job.ARCHIVE_OPTIONS, {"path": path}), False, "test")
    )


@contextlib.contextmanager
def pause_before_the_first_step(seconds):
    """A plan of a million jobs takes seconds, in which workers fetch thousands."""

    def apply(*arguments, real=editing.apply):
        time.sleep(seconds)
        return real(*arguments)

    with mock.patch.object(sidekiq_job, "apply", apply):
        yield


def entries(path):
    """The jobs of an archive, each with whether it was taken out."""
    archive = Archive(path)
    assert archive.taken is not None
    return [(entry, has_bit(archive.taken, number)) for number, entry in archive.entries()]


def check_nothing_was_passed_over(books, after, options, found):
    """What was not taken out has left; and what was meant, and stood there all the time, was taken out."""
    excused = {*books.returned, *books.polled}
    places = {**{f"queue:{name}": set(raws) for name, raws in after.queues.items()}, **after.sets}
    for entry, taken in found:
        if not taken and storm.jid(entry.raw) not in excused:
            assert entry.raw not in places.get(entry.place, ()), "said to be gone, and is there"


def check_all_were_met(before, books, after, options, found):
    met = {storm.jid(entry.raw) for entry, _taken in found} | set(books.consumed) | books.returned | books.polled
    for queue, members in before.queues.items():
        if "sets" in options or queue == options.get("to_queue"):
            continue
        there = set(after.queues.get(queue, ()))
        missed = [
            raw for raw in members if json.loads(raw)["class"] in options["classes"] and storm.jid(raw) not in met
        ]
        assert not [raw for raw in missed if raw in there], "meant, there all the time, and passed over"


def check_edit_under_load(url, client, directory, state, seed, consume):
    before = storm.fill(client, seed, 20_000, 1_000)
    options = STATES[state]
    with storm.others(url, seed, consume=consume) as books:
        time.sleep(0.1)
        with pause_before_the_first_step(0.5):
            result = edit(client, directory, state=state, **options)
        time.sleep(0.1)
    after = storm.look(client)
    found = entries(result["archive"]) if result["archive"] else []
    storm.check_books(before, books, after, [storm.jid(entry.raw) for entry, taken in found if taken and not entry.to])
    storm.check_order(before, books, after)
    check_nothing_was_passed_over(books, after, options, found)
    check_all_were_met(before, books, after, options, found)
    assert result["edited"] == sum(taken for _entry, taken in found)
    assert result["matched"] == result["edited"] + result["gone"] + result["unchanged"] + result["remaining"]
    assert result["remaining"] == 0
    assert not client.keys("fediverse.mastodon:turn:*")


@pytest.mark.parametrize("consume", [1_500, 6_000])
@pytest.mark.parametrize("state", STATES)
def test_edits_under_load(redis_process, scratch_redis, tmp_path, state, consume):
    check_edit_under_load(redis_process.url, scratch_redis, tmp_path, state, consume // 1_000, consume)


def test_unique_keeps_one_of_each_under_load(redis_process, scratch_redis, tmp_path):
    """Those to keep are fetched, and pushed by the poller, while duplicates are looked for."""
    before = storm.fill(scratch_redis, 5, 5_000, 500)
    with storm.others(redis_process.url, 5, consume=6_000) as books, pause_before_the_first_step(0.2):
        result = edit(scratch_redis, tmp_path, state="unique", all=True)
    after = storm.look(scratch_redis)
    found = entries(result["archive"])
    storm.check_books(before, books, after, [storm.jid(entry.raw) for entry, taken in found if taken])
    left = {content(raw) for members in [*after.queues.values(), *after.sets.values()] for raw in members}
    known = {storm.jid(raw): content(raw) for raw in before.members()}
    left |= {known[jid] for jid in books.consumed if jid in known}
    assert {content(entry.raw) for entry, _taken in found} <= left, "of some jobs no copy is left or was run"


def content(raw):
    payload = json.loads(raw)
    return payload["class"], json.dumps(payload["args"])


def test_kills_under_load(redis_process, scratch_redis, tmp_path):
    """./dev soak does it 200 times and longer."""
    usual, found = Usual(), Storm()
    for seed, state in enumerate(["absent", "dead", "moved", "enqueued", "rescheduled"] * 2):
        storm_round(
            redis_process.url,
            scratch_redis,
            tmp_path / str(seed),
            state,
            size=4_000,
            seed=seed,
            usual=usual,
            found=found,
        )
    assert (found.lost, found.twice) == (0, 0)
    assert found.kills >= 5


def test_two_edits_of_a_queue_at_once(redis_process, scratch_redis, tmp_path):
    """One waits for the turn of the other; each takes all that it wants."""
    before = storm.fill(scratch_redis, 1, 20_000, 100)
    tasks = [
        {"state": "absent", "classes": [PUSHES], "sets": ["queues"]},
        {"state": "dead", "classes": [CRAWLS], "sets": ["queues"]},
    ]
    with storm.others(redis_process.url, 1) as books:
        started = [
            victim.start(victim.Task(redis_process.url, {**options, "archive_dir": str(tmp_path)})) for options in tasks
        ]
        results = [victim.wait(one).result for one in started]
    after = storm.look(scratch_redis)
    found = [entries(result["archive"]) for result in results]
    storm.check_books(before, books, after, [storm.jid(entry.raw) for entry, taken in found[0] if taken])
    storm.check_order(before, books, after)
    for options, one in zip(tasks, found):
        check_nothing_was_passed_over(books, after, options, one)
        check_all_were_met(before, books, after, options, one)
    assert not scratch_redis.keys("fediverse.mastodon:turn:*")
