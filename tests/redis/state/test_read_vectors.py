# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded states, read by us, against what Sidekiq's own Ruby API said of them.

Where ours differs on purpose the test that says why is named after the difference.
"""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import SETS, Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import read_snapshot
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.iterate import (
    queue_members,
    set_members,
)
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

VECTORS = sorted(load_vector.FOLDER.glob("read-*.json"))
LISTED = [path for path in VECTORS if "malformed" not in path.name]
MALFORMED = [path for path in VECTORS if "malformed" in path.name]
# Ruby took a unit of time for another one there; ours are the true values
WRONG_TIMES = {"read-739-rollback-ms", "read-817-integer-seconds"}


def as_ruby(value):
    """What the recording writes for a value: markers of ActiveJob were still shown by 6.4 and 6.5, and are not by us."""
    if isinstance(value, list):
        return [as_ruby(item) for item in value]
    if isinstance(value, dict):
        if "_aj_globalid" in value:
            return value["_aj_globalid"]
        return {key: as_ruby(item) for key, item in value.items() if not key.startswith("_aj_")}
    return value


def close(ours, theirs, what):
    if theirs is None or ours is None:
        assert ours == theirs, what
    else:
        assert ours == pytest.approx(theirs, abs=0.002), what


def check_job(job, theirs, vector):
    times_wrong = vector["id"] in WRONG_TIMES
    assert job.malformed is None
    assert job.jid == theirs["jid"]
    assert job.worker_class == theirs["class"]
    wrapper_of_another_version = theirs["display_class"] == "Sidekiq::ActiveJob::Wrapper" or (
        vector["sidekiq"] >= "8" and theirs["class"].startswith("ActiveJob::QueueAdapters")
    )
    if wrapper_of_another_version:
        assert job.display_class != theirs["class"], "we know both wrappers"
    else:
        assert job.display_class == theirs["display_class"]
        ours = job.display_args
        if job.worker_class != job.display_class and vector["sidekiq"] < "7" and "#" in job.display_class:
            ours = job.display_args[-1]  # Sidekiq 6 shows the arguments of a mail only
            assert ours == as_ruby(theirs["display_args"]) or job.display_args == as_ruby(theirs["display_args"])
        else:
            assert ours == as_ruby(theirs["display_args"])
    assert job.queue == theirs["queue"]
    assert job.tags == theirs["tags"]
    assert job.batch == theirs["bid"]
    for field in ("error_class", "error_message", "error_backtrace", "retry_count"):
        if field in theirs:
            assert getattr(job, field) == theirs[field], field
    if not times_wrong:
        for field in ("created_at", "enqueued_at", "failed_at", "retried_at"):
            if field in theirs:
                close(getattr(job, field), theirs[field], field)


@pytest.fixture(params=LISTED, ids=lambda path: path.stem)
def vector(request):
    return json.loads(request.param.read_text(encoding="utf-8"))


@pytest.fixture
def loaded(vector, scratch_redis):
    load_vector.load(scratch_redis, vector["state"], flush=True)
    before = load_vector.dump(scratch_redis)
    yield scratch_redis
    assert load_vector.dump(scratch_redis) == before, "reading changed something"


@pytest.fixture
def snapshot(vector, loaded):
    return read_snapshot(loaded, Keys(vector["key_prefix"]), clock=vector["clock"])


def test_totals(vector, snapshot):
    stats = vector["expected"]["stats"]
    assert snapshot.counters.processed == stats["processed"]
    assert snapshot.counters.failed == stats["failed"]
    assert snapshot.enqueued == stats["enqueued"]
    assert len(snapshot.processes) == stats["processes_size"]
    assert sum(process.busy for process in snapshot.processes) == stats["workers_size"]
    assert {name: found.size for name, found in snapshot.sets.items()} == {
        "retry": stats["retry_size"],
        "scheduled": stats["scheduled_size"],
        "dead": stats["dead_size"],
    }


def test_three_round_trips_at_most(snapshot):
    assert snapshot.round_trips <= 3


def test_queues(vector, loaded, snapshot):
    theirs = {queue["name"]: queue for queue in vector["expected"]["queues"]}
    ours = {queue.name: queue for queue in snapshot.queues if queue.registered}
    assert ours.keys() == theirs.keys()
    for name, queue in ours.items():
        assert queue.size == theirs[name]["size"]
        assert queue.paused == theirs[name].get("paused", False)
        if vector["id"] not in WRONG_TIMES:
            assert queue.latency == pytest.approx(theirs[name]["latency"], abs=0.01)
        jobs = [parse(raw) for raw in queue_members(loaded, Keys(vector["key_prefix"]).queue(name), page=3)]
        assert len(jobs) == len(theirs[name]["jobs"])
        for job, their_job in zip(jobs, reversed(theirs[name]["jobs"])):  # Ruby begins with the newest
            check_job(job, their_job, vector)


def test_sets(vector, loaded, snapshot):
    for name, stored in SETS.items():
        theirs = vector["expected"][stored]
        ours = list(set_members(loaded, Keys(vector["key_prefix"])(stored), page=3))[::-1]
        listed = [parse(raw) for raw, _score in ours]
        assert [score for _raw, score in ours] == pytest.approx([entry["score"] for entry in theirs], abs=0.001)
        for job, their_entry in zip(listed, theirs):
            if "raises" in their_entry:
                assert job.malformed
            elif their_entry["class"] is not None:
                check_job(job, their_entry, vector)
        if ours:
            assert snapshot.sets[name].newest_at == pytest.approx(ours[0][1], abs=0.001)
            assert snapshot.sets[name].oldest_at == pytest.approx(ours[-1][1], abs=0.001)


def test_processes(vector, snapshot):
    theirs = {process["identity"]: process for process in vector["expected"]["processes"]}
    ours = {process.identity: process for process in snapshot.alive}
    assert ours.keys() == theirs.keys()
    for identity, process in ours.items():
        their = theirs[identity]
        for field in ("hostname", "pid", "tag", "busy", "quiet", "rtt_us", "version"):
            assert getattr(process, field) == their[field], field
        assert list(process.queues) == their["queues"]
        assert list(process.labels) == their["labels"]
        assert process.rss_bytes == their["rss"] * 1024
        close(process.beat, their["beat"], "beat")
        close(process.started_at, their["started_at"], "started_at")
        if vector["id"] != "read-817-rolling-upgrade":
            assert process.concurrency == their["concurrency"]


def test_running_jobs(vector, snapshot):
    theirs = {(work["process"], work["thread"]): work for work in vector["expected"]["work"]}
    ours = {(work.identity, work.thread): work for work in snapshot.work}
    assert ours.keys() == theirs.keys()
    for place, work in ours.items():
        assert work.job.jid == theirs[place]["jid"]
        assert work.job.display_class == theirs[place]["display_class"]
        assert work.job.display_args == as_ruby(theirs[place]["display_args"])
        assert work.queue == theirs[place]["queue"]
        close(work.run_at, theirs[place]["run_at"], "run_at")


def read(name, client):
    vector = json.loads((VECTORS[0].parent / f"{name}.json").read_text(encoding="utf-8"))
    load_vector.load(client, vector["state"], flush=True)
    return vector, read_snapshot(client, Keys(vector["key_prefix"]), clock=vector["clock"])


def test_differs_from_ruby_concurrency_of_an_older_process_is_taken_from_info(scratch_redis):
    vector, snapshot = read("read-817-rolling-upgrade", scratch_redis)
    assert {process["concurrency"] for process in vector["expected"]["processes"]} == {0, 5}
    assert {process.concurrency for process in snapshot.alive} == {5}


def test_differs_from_ruby_integer_seconds_and_milliseconds_are_told_apart_by_size(scratch_redis):
    vector, snapshot = read("read-817-integer-seconds", scratch_redis)
    assert vector["expected"]["queues"][0]["latency"] > 1e9, "Ruby takes seconds for milliseconds"
    assert snapshot.queues[0].latency == pytest.approx(30, abs=1)


def test_differs_from_ruby_milliseconds_after_a_rollback_are_understood(scratch_redis):
    _vector, snapshot = read("read-739-rollback-ms", scratch_redis)
    assert all(0 <= queue.latency < 120 for queue in snapshot.queues)


@pytest.mark.parametrize("path", MALFORMED, ids=lambda path: path.stem)
def test_differs_from_ruby_malformed_members_are_counted_and_do_not_end_the_listing(path, scratch_redis):
    vector = json.loads(path.read_text(encoding="utf-8"))
    load_vector.load(scratch_redis, vector["state"], flush=True)
    assert vector["expected"]["each_raised"] == "NoMethodError"
    members = list(set_members(scratch_redis, b"dead"))
    jobs = [parse(raw) for raw, _score in members]
    assert len(jobs) == vector["expected"]["dead_size"]
    assert [job.malformed for job in jobs] == [
        "not JSON",
        "empty",
        "not an object",
        "not an object",
        "not an object",
        "not an object",
        None,  # not UTF-8, yet an object: Ruby reads its jid and class, and so do we
        None,
        None,
        None,
    ]
    readable = {job.jid: job for job in jobs if job.jid}
    for entry in vector["expected"]["dead"]:
        if "jid" in entry and entry["jid"]:
            assert readable[entry["jid"]].display_class == entry["display_class"]
    json.dumps([job.display_args for job in jobs]).encode("utf-8", "strict")


def test_private_queues_and_foreign_keys_are_left_out(scratch_redis):
    _vector, snapshot = read("read-817-foreign-keys", scratch_redis)
    assert [queue.name for queue in snapshot.queues] == ["default", "idle", "low"]


def test_members_without_a_heartbeat_are_ghosts(scratch_redis):
    _vector, snapshot = read("read-817-ghosts", scratch_redis)
    assert len(snapshot.ghosts) == 3
    assert not snapshot.alive


def test_at_most_three_round_trips_with_every_part(scratch_redis):
    _vector, snapshot = read("read-817-live", scratch_redis)
    assert snapshot.round_trips == 3 or snapshot.round_trips == 2
