# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be waited for, and how far it is."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.wait_condition import (
    doubts,
    look,
    parse_condition,
    parts,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job_set import JobSet
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process, Work
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.queue import Queue
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import PARTS, Snapshot

NOW = 1000.0


def made(kind, **known):
    """An instance with the fields that matter here; the others are None."""
    return kind(**{field.name: known.get(field.name) for field in dataclasses.fields(kind)})


def process(name, host="a", quiet=False, queues=("pull",), alive=True):
    return Process(name, alive, host, 1, tag="live", quiet=quiet, queues=queues)


def work(identity, name, queue):
    return Work(identity, "t", queue, 0.0, 1.0, parse(json.dumps({"class": name, "jid": "j", "args": []}).encode()))


SNAPSHOT = made(
    Snapshot,
    taken_at=NOW,
    queues=(made(Queue, name="push", size=12, latency=90.5), made(Queue, name="idle", size=0, latency=None)),
    sets={
        "retry": made(JobSet, size=9, due=3, oldest_at=NOW - 61),
        "scheduled": made(JobSet, size=5, due=1, oldest_at=NOW - 2),
        "dead": made(JobSet, size=100, due=0),
    },
    processes=(
        process("one:1:a"),
        process("two:1:a", quiet=True),
        process("far", host="b"),
        process("ghost:1:a", alive=False),
    ),
    work=(
        work("one:1:a", "BackupWorker", "pull"),
        work("far", "LinkCrawlWorker", "pull"),
        work("one:1:a", "A", "push"),
    ),
    schedule=(),
)


@pytest.mark.parametrize(
    ("entry", "name", "wanted", "observed", "met", "left"),
    [
        ({"queue": "push", "size": 0}, "size of queue push", "at most 0", 12, False, 12.0),
        ({"queue": "push", "size": 12}, "size of queue push", "at most 12", 12, True, 0.0),
        ({"queue": "no", "size": 0}, "size of queue no", "at most 0", 0, True, 0.0),
        ({"queue": "push", "latency": "1m"}, "latency of queue push", "at most 60 s", 90.5, False, 30.5),
        ({"queue": "idle", "latency": "0s"}, "latency of queue idle", "at most 0 s", 0.0, True, 0.0),
        ({"set": "dead", "size": 10}, "size of the dead set", "at most 10", 100, False, 90.0),
        ({"set": "retry", "due": 0}, "due jobs of the retry set", "at most 0", 3, False, 3.0),
        ({"busy": 0}, "running jobs", "at most 0", 3, False, 3.0),
        ({"busy": 0, "hostname": "b"}, "running jobs of hostname b", "at most 0", 1, False, 1.0),
        ({"busy": 0, "class": "Backup*"}, "running jobs of class Backup*", "at most 0", 1, False, 1.0),
        ({"busy": 0, "identity": "two:1:a"}, "running jobs of identity two:1:a", "at most 0", 0, True, 0.0),
        ({"busy": 1, "queue": "pull", "class": "BackupWorker"}, None, "at most 1", 1, True, 0.0),
        ({"processes": 2}, "processes", "at least 2", 2, True, 0.0),
        ({"processes": 2, "hostname": "a"}, "processes of hostname a", "at least 2", 1, False, 1.0),
        ({"gone": "one:1:a"}, "process one:1:a", "gone", "there", False, None),
        ({"gone": "ghost:1:a"}, "process ghost:1:a", "gone", "gone", True, None),
        ({"jids": ["x", "y", "z"]}, "outcomes of 3 jobs", "all known", "1 finished, 1 failed, 1 waiting", False, 1.0),
        ({"jid": "x"}, "job x", "finished", "queue:pull", False, 1.0),
        ({"jid": "y"}, "job y", "finished", "finished", True, 0.0),
        ({"schedule_moving": True}, "schedule", "moving", "1 overdue", False, 1.0),
    ],
)
def test_every_kind(entry, name, wanted, observed, met, left):
    one = parse_condition({**dict.fromkeys(("queue", "set", "tag")), **entry}, 1)
    seen = look(one, SNAPSHOT, {"x": "queue:pull"}, {"x": "waiting", "y": "finished", "z": "failed"})
    assert name is None or one.name == name
    assert (one.wanted, seen.observed, seen.met, seen.left) == (wanted, observed, met, left)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "until, entry 3: it needs exactly one of size, latency"),
        ({"queue": "push"}, "exactly one of"),
        ({"queue": "push", "size": 1, "latency": "1s"}, "exactly one of"),
        ({"size": 1}, "size needs queue or set"),
        ({"queue": "push", "set": "retry", "size": 1}, "size needs queue or set"),
        ({"set": "retry", "latency": "1s"}, "set does not go with latency"),
        ({"queue": "push", "latency": "soon"}, "until, entry 3: latency: 'soon' is no span of time"),
        ({"gone": "a", "hostname": "b"}, "hostname does not go with gone"),
        ({"gone": "web-1"}, "until, entry 3: gone: 'web-1' is no identity"),
        ({"queue": "push pull", "size": 0}, "until, entry 3: queue: 'push pull' is more than one name"),
        ({"busy": 0, "class": "backup worker"}, "until, entry 3: class: 'backup' is no job class"),
        ({"jid": ""}, "until, entry 3: jid names nothing"),
        ({"busy": -1}, "busy must be from 0 to"),
        ({"queue": "push", "size": 10**400}, "until, entry 3: size must be from 0 to"),
        ({"queue": "push", "latency": "9" * 400}, "until, entry 3: latency must be from 0 to"),
        ({"schedule_moving": False}, "only be waited for as true"),
    ],
)
def test_what_makes_no_sense_is_said(entry, words):
    with pytest.raises(BadOption, match=words):
        parse_condition(entry, 3)


def test_a_dead_job_will_not_finish():
    with pytest.raises(BadOption, match="The job x is dead"):
        look(parse_condition({"jid": "x"}, 1), SNAPSHOT, {"x": "dead"}, {})


def test_no_more_is_read_than_is_needed():
    assert parts([parse_condition({"gone": "a:1:b"}, 1)]) == {"processes"}
    assert parts([parse_condition({"busy": 1}, 1), parse_condition({"set": "retry", "due": 1}, 2)]) == {
        "processes",
        "work",
        "sets",
    }
    assert parts([parse_condition({"processes": 1, "queue": "a"}, 1)]) == {"processes", "queues"}
    assert parts([parse_condition({"queue": "a", "size": 1}, 1), parse_condition({"schedule_moving": True}, 2)]) <= set(
        PARTS
    )


@pytest.mark.parametrize("entry", [{"size": 0}, {"latency": "1s"}, {"busy": 0}, {"processes": 1}])
def test_a_queue_of_which_nobody_has_heard_is_doubted(entry):
    """Registered, served, or one of Mastodon's: these are known."""
    [doubt] = doubts(
        [parse_condition({"queue": name, **entry}, 1) for name in ("pushh", "idle", "pull", "mailers", "fasp")],
        SNAPSHOT,
    )
    assert "no queue pushh" in doubt
    assert doubts([parse_condition({"busy": 0}, 1)], SNAPSHOT) == []
