# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that somebody else has written, of another type or with other bytes than Sidekiq's: modules say which, or do without."""

from __future__ import annotations

import json
import time

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import killed_jobs
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Work
from ansible_collections.fediverse.mastodon.tests.instance.heartbeat import Process, kept_alive
from ansible_collections.fediverse.mastodon.tests.redis import modules

IDENTITY = "elsewhere:1:abc"
STOPS = "fediverse.mastodon:stops"


@pytest.fixture
def run(scratch_redis):
    """Runs a module against a Redis in which a process serves the queues a and b."""
    add_process(scratch_redis, IDENTITY, ["a", "b"])
    path = scratch_redis.connection_pool.connection_kwargs["path"]

    def run_module(name, check_mode=False, **options):
        return modules.run(name, check_mode, redis_socket=path, **options)

    return run_module


def add_process(client, identity, queues):
    info = {"hostname": identity.partition(":")[0], "pid": 1, "queues": queues, "identity": identity}
    client.sadd("processes", identity)
    client.hset(identity, mapping={"info": json.dumps(info), "beat": repr(time.time()), "busy": 0, "quiet": "false"})


def refusal(result):
    assert result["failed"]
    assert "Redis at" in result["msg"] and "delete it" in result["msg"]
    return result["msg"]


def test_a_probe_that_cannot_be_sent_leaves_none_behind(run, scratch_redis):
    scratch_redis.set("queue:b", "text")
    for check_mode in (True, False):
        result = run("sidekiq_probe", check_mode, queues=["a", "b"], timeout="1s", args=[modules.SECRET])
        assert "The key queue:b in Redis is no list" in result["msg"]
    assert not scratch_redis.exists("queue:a")


def test_a_ghost_whose_key_holds_something_else_goes(run, scratch_redis):
    scratch_redis.sadd("processes", "ghost:1:abc")
    scratch_redis.set("ghost:1:abc", "text")
    foreseen, done = (run("sidekiq_process", check_mode, state="absent") for check_mode in (True, False))
    assert foreseen["ghosts_removed"] == done["ghosts_removed"] == 1
    assert scratch_redis.smembers("processes") == {IDENTITY.encode()}
    assert scratch_redis.get("ghost:1:abc") == b"text"


def test_a_ghost_whose_name_is_not_utf8_goes(run, scratch_redis):
    scratch_redis.sadd("processes", b"gh\xffst:1:abc")
    foreseen, done = (run("sidekiq_process", check_mode, state="absent") for check_mode in (True, False))
    assert foreseen["ghosts_removed"] == done["ghosts_removed"] == 1
    assert done["processes"][0]["outcome"] == "removed"
    assert scratch_redis.smembers("processes") == {IDENTITY.encode()}


def test_signals_that_are_no_list(run, scratch_redis):
    scratch_redis.set(f"{IDENTITY}-signals", "text")
    message = refusal(run("sidekiq_process", state="quiet", identities=[IDENTITY]))
    assert f"the key '{IDENTITY}-signals' is no list" in message


def test_stops_that_are_no_hash(run, scratch_redis):
    scratch_redis.set(STOPS, "text")
    for check_mode in (True, False):
        assert f"the key '{STOPS}' is no hash" in refusal(run("sidekiq_process", check_mode, state="absent"))


def test_a_record_of_what_was_put_back_that_is_no_string(run, scratch_redis, tmp_path):
    job = parse(b'{"class":"A","jid":"a","args":["%s"]}' % modules.SECRET.encode())
    stop = killed_jobs.Stop("here:1:abc", "", "restore", "", None)
    work = [Work(stop.identity, "t", "a", 0.0, 1.0, job)]
    _stop, archive = killed_jobs.record(scratch_redis, Keys(), str(tmp_path), "test", 0.0, work, stop)
    archive.close()
    scratch_redis.sadd(f"fediverse.mastodon:restored:{archive.id}", "x")
    # Whether the job still runs elsewhere is known once every process has sent a newer heartbeat.
    with kept_alive(scratch_redis, [Process(IDENTITY, time.time())], every=0.2):
        for check_mode in (True, False):
            message = refusal(run("sidekiq_process", check_mode, state="absent"))
            assert f"fediverse.mastodon:restored:{archive.id}' is no string" in message


@pytest.mark.parametrize(
    ("key", "condition", "kind"),
    [
        ("retry", {"set": "retry", "size": 0}, "zset"),
        ("retry", {"set": "retry", "due": 0}, "zset"),
        ("schedule", {"schedule_moving": True}, "zset"),
        ("queue:a", {"queue": "a", "size": 0}, "list"),
        ("queue:a", {"queue": "a", "latency": "1s"}, "list"),
    ],
)
def test_what_is_waited_for_is_not_met_by_something_else(key, condition, kind, run, scratch_redis):
    scratch_redis.set(key, "text")
    assert f"the key '{key}' is no {kind}" in refusal(run("sidekiq_wait", until=[condition], timeout="0s"))


def test_a_list_that_is_not_registered_counts_and_one_that_is_not_there_is_doubted(run, scratch_redis, monkeypatch):
    warnings = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: warnings.append(text))
    scratch_redis.lpush("queue:lost", "{}")
    until = [{"queue": "lost", "size": 0}, {"queue": "pushh", "size": 0}]
    result = run("sidekiq_wait", check_mode=True, until=until)
    assert [one["observed"] for one in result["conditions"]] == [1, 0]
    [warning] = warnings
    assert "no queue pushh" in warning
    late = run("sidekiq_wait", until=until, timeout="0s")
    assert late["failed"] and late["conditions"][0]["observed"] == 1 and warnings == [warning]


KEYS = ["retry", "schedule", "dead", "queue:a", "queues", "processes"]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("sidekiq_job_info", {"all": True}),
        ("sidekiq_job", {"state": "absent", "all": True}),
        ("sidekiq_job", {"state": "dead", "all": True}),
        ("sidekiq_job", {"state": "moved", "to_queue": "b", "all": True}),
        ("sidekiq_lock", {}),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_not_nothing(module, options, key, check_mode, run, scratch_redis):
    """Nor is anything edited elsewhere."""
    scratch_redis.sadd("queues", "a")
    scratch_redis.zadd("retry", {"{}": 1})
    scratch_redis.delete(key)
    scratch_redis.set(key, "text")
    result = run(module, check_mode, **options)
    assert result.get("failed"), result
    assert f"The key {key} in Redis is no " in result["msg"]
    assert scratch_redis.zcard("retry") == 1 if key != "retry" else True


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_queue_that_cannot_take_jobs(check_mode, run, scratch_redis):
    job = {"class": "A", "args": [], "jid": "a", "queue": "elsewhere"}
    scratch_redis.zadd("dead", {json.dumps(job): 1})
    scratch_redis.set("queue:elsewhere", "text")
    result = run("sidekiq_job", check_mode, state="enqueued", all=True, sets=["dead"])
    assert "The key queue:elsewhere in Redis is no list" in result["msg"]
    assert scratch_redis.zcard("dead") == 1


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("key", ["processes", IDENTITY, f"{IDENTITY}:work"])
def test_processes_that_cannot_be_read_are_not_stopped(key, check_mode, run, scratch_redis):
    scratch_redis.delete(key)
    scratch_redis.set(key, "text")
    for state in ("quiet", "stopped"):
        result = run("sidekiq_process", check_mode, state=state, identities=[IDENTITY], wait=False)
        assert f"The key {key} in Redis is of another type" in result["msg"]
    if key == "processes":
        assert "The key processes " in run("sidekiq_process", check_mode, state="absent")["msg"]
    assert not scratch_redis.exists(f"{IDENTITY}-signals")


@pytest.mark.parametrize("key", ["processes", IDENTITY])
def test_processes_that_cannot_be_read_are_not_gone(key, run, scratch_redis):
    scratch_redis.delete(key)
    scratch_redis.set(key, "text")
    result = run("sidekiq_wait", until=[{"gone": IDENTITY}], timeout="0s")
    assert f"The key {key} in Redis is of another type" in result["msg"]


def test_a_registry_that_cannot_be_read_is_not_an_instance_without_processes(run, scratch_redis, tmp_path):
    scratch_redis.delete("processes")
    scratch_redis.set("processes", "text")
    redis = run("mastodon_info", mastodon_root=str(tmp_path))["redis"]
    assert not redis["readable"] and "The key processes in Redis" in redis["problem"]


@pytest.mark.parametrize("key", ["retry", "dead"])
def test_a_restore_foretells_that_it_cannot(key, run, scratch_redis, tmp_path):
    """Neither where the jobs were nor where the edit moved them."""
    scratch_redis.zadd("retry", {json.dumps({"class": "A", "args": [], "jid": "a", "queue": "a"}): 1})
    archive = run("sidekiq_job", state="dead", sets=["retry"], all=True, archive_dir=str(tmp_path))["archive"]
    scratch_redis.rename(key, "kept") if scratch_redis.exists(key) else None
    scratch_redis.set(key, "text")
    foreseen, done = (run("sidekiq_archive", check_mode, path=archive)["msg"] for check_mode in (True, False))
    assert foreseen == done
    assert f"The key {key} in Redis is no sorted set" in done


@pytest.mark.parametrize("key", KEYS)
def test_what_cannot_be_read_is_found(key, run, scratch_redis):
    scratch_redis.sadd("queues", "a")
    scratch_redis.delete(key)
    scratch_redis.set(key, "x")
    findings = run("sidekiq_health_info")["findings"]
    assert [one["evidence"] for one in findings if one["id"] == "redis_key_type"] == [{"key": key}]


@pytest.mark.parametrize("key", KEYS)
def test_what_cannot_be_read_brings_a_warning(key, run, scratch_redis, monkeypatch):
    warnings = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, text: warnings.append(text))
    scratch_redis.sadd("queues", "a")
    scratch_redis.delete(key)
    scratch_redis.lpush(key, "x") if key != "queue:a" else scratch_redis.set(key, "x")
    run("sidekiq_info")
    assert any(f"The key {key} in Redis is of another type" in text for text in warnings), warnings
