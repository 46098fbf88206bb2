# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/backlog_recovery.yml as its users run it, on a make-believe instance with a backlog: looks, takes out, is undone."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import server, situations

DEAD = {"state": "absent", "sets": ["dead"], "all": True}
RETRY = {"state": "absent", "sets": ["retry"], "domains": ["gone.example"]}


@pytest.fixture
def play(tmp_path, ansible_playbook):
    def run(playbook, *arguments, **variables):
        inventory = tmp_path / "hosts.json"
        inventory.write_text(
            json.dumps({"all": {"hosts": {"here": {"ansible_connection": "local"}}}}), encoding="utf-8"
        )
        name = f"fediverse.mastodon.{playbook}"
        return ansible_playbook(name, "-i", str(inventory), *arguments, variables=variables, never=["[WARNING]"])

    return run


@pytest.fixture
def instance():
    """A Redis with a backlog, dead jobs, retries to a server that is gone, and processes that are alive but take nothing."""
    with server.running(binary="redis-server") as running, running.client() as client:
        situations.backlog(client, scale=0.02)
        for key in client.scan_iter():  # what would be gone in a minute
            client.persist(key)
        for number in range(40):
            job = {"class": "ActivityPub::DeliveryWorker", "queue": "push", "jid": f"{number:024x}", "retry_count": 3}
            job.update(
                args=["{}", 1, "https://gone.example/inbox"],
                error_class="HTTP::TimeoutError",
                failed_at=time.time() - 600,
            )
            client.zadd("dead" if number % 2 else "retry", {json.dumps(job): time.time() + 600 + number})
        yield running.url, client


def everything(client):
    """Each key with its value as Redis itself would save it, but for what heartbeats change."""
    return {key: client.dump(key) for key in client.scan_iter() if client.type(key) != b"string"}


def members(client):
    return {name: client.zrange(name, 0, -1, withscores=True) for name in ("retry", "dead", "schedule")}


def variables(url, **more):
    found = {"redis_url": url, "backlog_recovery_measure": 1, "backlog_recovery_high_mark": 100}
    return {**found, "backlog_recovery_probe_timeout": "1s", "backlog_recovery_strict": False, **more}


def changed(text):
    return int(re.findall(r"^here +: .*changed=(\d+)", text, re.MULTILINE)[0])


def test_from_the_finding_to_the_undo(play, instance):
    url, client = instance
    before, sets = everything(client), members(client)
    status, text = play("backlog_recovery", "--check", "--diff", **variables(url, backlog_recovery_jobs=[DEAD, RETRY]))
    assert status == 0, text
    assert everything(client) == before
    assert re.search(r"behind +push: 400 wait", text), text
    assert "classes    ActivityPub::DeliveryWorker" in text, text
    assert re.findall(r"would edit (\d+) jobs: absent$", text, re.MULTILINE) == [str(client.zcard("dead")), "20"], text

    status, text = play("backlog_recovery", **variables(url, backlog_recovery_jobs=[DEAD, RETRY]))
    assert status != 0
    assert "backlog_recovery_reason" in text
    assert everything(client) == before

    told = {"backlog_recovery_jobs": [DEAD, RETRY], "backlog_recovery_reason": "a test"}
    status, text = play("backlog_recovery", **variables(url, **told))
    assert status == 0, text
    assert not client.exists("dead")
    assert not any(b"gone.example" in job for job in client.zrange("retry", 0, -1))
    assert "was not taken within 1 s" in text, text
    [run] = re.findall(r"undo[ \\\n]+-e run=(\S+)", text)
    left = everything(client)
    assert {key: value for key, value in before.items() if key.startswith(b"queue:")} == {
        key: value for key, value in left.items() if key.startswith(b"queue:")
    }

    status, text = play("backlog_recovery", **variables(url, **told))
    assert status == 0, text
    assert changed(text) == 0
    assert "nothing to do" in text
    assert everything(client) == left

    status, text = play("undo", redis_url=url, run=run)
    assert status == 0, text
    assert members(client) == sets


@pytest.mark.one_core
def test_rates_while_jobs_come_and_go(play, instance):
    """A producer and a worker that count as Sidekiq does: at most 100 new and 60 done a second, and fewer on a busy machine."""
    url, client = instance
    over = threading.Event()

    def work():
        while not over.wait(0.1):
            pipeline = client.pipeline()
            for _number in range(10):
                pipeline.lpush("queue:push", json.dumps({"class": "A", "args": [], "jid": "x", "queue": "push"}))
            for _number in range(6):
                pipeline.rpop("queue:push")
            pipeline.incrby("stat:processed", 6).execute()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        status, text = play("backlog_recovery", "--check", **variables(url, backlog_recovery_measure=4))
    finally:
        over.set()
        worker.join()
    assert status == 0, text
    [(new, done)] = re.findall(r"rates +([0-9.]+) new and ([0-9.]+) done a second", text)
    assert 0 < float(done) < float(new) < 105, text
    assert float(new) / float(done) == pytest.approx(100 / 60, rel=0.3), text
    assert "empty in   never, they grow" in text, text
    assert "to hold" in text, text


def test_a_full_redis(play, instance):
    url, client = instance
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.85))
    status, text = play("backlog_recovery", "--check", **variables(url))
    assert status == 0, text
    assert re.search(r"Redis +[89]\d\.\d % of", text), text
    assert re.search(r"queues \(Sidekiq\): ", text), text
    order = [text.index(what) for what in ("the dead set;", "in the retry set;", "in the queue push;")]
    assert order == sorted(order)


def test_the_queue_scheduler_is_refused(play, instance):
    url, _client = instance
    status, text = play("backlog_recovery", "--check", **variables(url, backlog_recovery_queues=["scheduler"]))
    assert status != 0
    assert "must never run in more than one process" in text
