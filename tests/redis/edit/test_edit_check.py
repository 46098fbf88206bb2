# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode tells exactly what a run does, and changes no byte; a second run changes nothing."""

from __future__ import annotations

import functools
import shutil
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import read_snapshot
from ansible_collections.fediverse.mastodon.tests.instance import server, situations
from ansible_collections.fediverse.mastodon.tests.redis import modules
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

SELECTORS = {
    "everything": {"all": True},
    "a class": {"classes": ["ActivityPub::DeliveryWorker"]},
    "classes by pattern": {"classes": ["ActivityPub::*", "BackupWorker"]},
    "a domain": {"domains": ["gone.example", "*.example"]},
    "the sets": {"sets": ["retry", "scheduled", "dead"], "all": True},
    "a queue and what goes to it": {"queues": ["pull"], "all": True},
    "errors": {"errors": ["HTTP::*"]},
    "a message": {"error_message": "(?i)timed? out|no space"},
    "old": {"older_than": "20m"},
    "young": {"newer_than": "20m"},
    "failed often": {"min_attempts": 7},
    "arguments": {"args": [8390]},
    "an expression": {"where": "attempts > `3` && contains(class, 'Delivery')"},
    "no jobs": {"malformed": True},
    "jobs": {"malformed": False, "sets": ["dead"], "all": True},
    "nobody": {"jids": ["0123456789abcdef01234567"]},
    "the first few": {"all": True, "limit": 25},
    "with force": {"all": True, "force": True},
}
STATES = {
    "absent": {},
    "enqueued": {},
    "enqueued over a time": {"state": "enqueued", "spread": "10m"},
    "dead": {},
    "moved": {"to_queue": "slow"},
    "rescheduled in": {"state": "rescheduled", "in": "2h"},
    "rescheduled at": {"state": "rescheduled", "at": "2040-01-01T00:00:00Z", "spread": "1h"},
    "unique": {},
}
WITH_EACH_STATE = ("everything", "no jobs", "the first few", "with force")
"""The other selections are told to every state by the same code, so one state tries them."""
MOVES = {"archive", "duration", "invocation", "warnings"}
"""Keys that differ between check mode and a run, or from run to run."""


def fill(client):
    """An instance in trouble, and beside it all that edits leave alone or treat in another way."""
    client.flushall()
    situations.trouble(client, scale=0.02)
    batch = (
        b'{"class":"BackupWorker","args":[8390],"jid":"b%023d","queue":"pull","bid":"batch","created_at":1795331156428}'
    )
    secret = (
        b'{"class":"MoveWorker","args":["x"],"jid":"e%023d","queue":"pull","encrypt":true,"created_at":1795331156428}'
    )
    same = b'{"class":"RemovalWorker","args":[7],"jid":"s%023d","queue":"default","created_at":%d}'
    client.lpush("queue:pull", *(batch % number for number in range(5)), *(secret % number for number in range(3)))
    client.lpush("queue:default", *(same % (number, 1795331156428 - number) for number in range(30)))
    client.lpush("queue:sq|host|push", batch % 7)
    client.sadd("queues", "sq|host|push")
    client.zadd(
        "dead", {b"not a job": 1795331156.0, b"": 1795331157.0, b"\\xff": 1795331158.0, batch % 8: 1795331159.0}
    )


def contents(client):
    """Every key of the database, byte for byte, and whether it expires."""
    return {key: (client.dump(key), client.pttl(key) > 0) for key in client.keys("*")}


def jobs_of(client):
    """Every queue and set in its order."""
    found = load_vector.dump(client)
    return {
        key: found[key]["value"] for key in found if key.startswith("queue:") or key in ("retry", "schedule", "dead")
    }


def told(result):
    return {name: value for name, value in result.items() if name not in MOVES}


@pytest.fixture(scope="module")
def instance():
    with server.running(binary="redis-server") as running, running.client() as client:
        yield running.socket, client


@pytest.fixture
def run(instance, monkeypatch):
    """Runs a module while the clock of Redis stands still."""
    now = time.time()
    monkeypatch.setattr(sidekiq_job, "read_snapshot", functools.partial(read_snapshot, clock=now))
    monkeypatch.setattr(sidekiq_job, "redis_time", lambda client: now)

    def run(name, check_mode=False, **options):
        result = modules.run(name, check_mode=check_mode, redis_socket=str(instance[0]), **options)
        assert not result.get("failed"), result
        return result

    return run


@pytest.mark.parametrize("state", STATES)
def test_check_mode_tells_what_a_run_does(run, instance, tmp_path, state):
    _socket, client = instance
    for name in SELECTORS if state == "moved" else WITH_EACH_STATE:
        selector = SELECTORS[name]
        fill(client)
        options = {"state": state, "archive_dir": str(tmp_path / name), **STATES[state], **selector}
        before, ordered = contents(client), jobs_of(client)
        foreseen = run("sidekiq_job", check_mode=True, **options)
        assert contents(client) == before, name
        assert list(tmp_path.glob("*")) == []

        done = run("sidekiq_job", **options)
        assert told(done) == told(foreseen), name
        assert foreseen.keys() == done.keys()
        assert (done["archive"] is None) == (done["edited"] == 0)
        assert (contents(client) != before) == done["changed"], name

        if "limit" not in selector:  # which goes on with the next ones
            after = contents(client)
            again = run("sidekiq_job", **options)
            assert again.keys() == done.keys()
            assert (again["changed"], again["edited"], again["archive"]) == (False, 0, None), name
            assert contents(client) == after, name

        if done["archive"]:
            edited = contents(client)
            would = run("sidekiq_archive", check_mode=True, path=done["archive"])
            assert contents(client) == edited, name
            restored = run("sidekiq_archive", path=done["archive"])
            assert told(would) | {"locks_taken": 0} == told(restored) | {"locks_taken": 0}, name
            assert restored["restored"] == done["edited"]
            assert restored["locks_taken"] == done["locks_freed"], name
            assert jobs_of(client) == ordered, name
            shutil.rmtree(tmp_path / name)
