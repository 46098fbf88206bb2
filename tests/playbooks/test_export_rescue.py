# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/export_rescue.yml as its users run it, against a real Redis and a real PostgreSQL: check, run, run again, undo."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import heartbeat, server
from ansible_collections.fediverse.mastodon.tests.lab import postgres

SECRET = "s3cret-post-of-somebody"


def payload(number, jid, **fields):
    made = time.time() - 100
    found = {"retry": 5, "queue": "pull", "dead": False, "args": [number], "class": "BackupWorker", "jid": jid}
    return json.dumps({**found, "created_at": made, "enqueued_at": made, **fields}, separators=(",", ":"))


@pytest.fixture
def instance(tmp_path):
    """A Redis, a database, the folder of Mastodon, and a process that serves pull."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres.running(peers=("nobody",)))
        running = stack.enter_context(server.running(binary="redis-server"))
        client = stack.enter_context(contextlib.closing(running.client()))
        root = tmp_path / "live"
        (root / "public" / "system").mkdir(parents=True)
        text = f"REDIS_URL=unix://{running.socket}\n" + f"DATABASE_URL={database.url}\n"
        (root / ".env.production").write_text(text, encoding="utf-8")
        process = heartbeat.Process(identity="web1:42:abcdef123456", started_at=time.time() - 999)
        stack.enter_context(heartbeat.kept_alive(client, [process]))
        client.sadd("queues", "pull")
        yield database, client, root


@pytest.fixture
def play(ansible_playbook, instance):
    """Runs a playbook over this instance."""
    _database, _client, root = instance

    def run(playbook, *arguments, **variables):
        given = {
            "export_rescue_mastodon_root": str(root),
            "sidekiq_options": {"mastodon_root": str(root)},
            **variables,
        }
        name, here = f"fediverse.mastodon.{playbook}", ("-i", "here,", "-c", "local")
        return ansible_playbook(name, *here, *arguments, variables=given, never=[SECRET, postgres.PASSWORD])

    return run


def state(client):
    """All that Sidekiq keeps of jobs."""
    return client.lrange("queue:pull", 0, -1), client.zrange("retry", 0, -1, withscores=True)


def changed(text):
    return int(re.findall(r"changed=(\d+)", text)[-1])


def test_archives_that_hang_come(instance, play):
    database, client, root = instance
    orphan, twice, failed = (database.add_backup(database.add_user(name)) for name in ("alice", "bob", "carol"))
    for jid in ("t1", "t2"):
        client.lpush("queue:pull", payload(twice, jid))
    client.lpush("queue:pull", payload(999, "needless"))
    error = {"retry_count": 1, "error_class": "Errno::ENOSPC", "error_message": SECRET, "failed_at": time.time() - 9}
    client.zadd("retry", {payload(failed, "r1", **error): time.time() + 600})
    before = state(client)

    status, text = play("export_rescue", "--check", "--diff")
    assert status == 0, text
    assert state(client) == before
    assert f"would put back the jobs of the archives {orphan}," in text
    assert "would take out 2 jobs that nobody needs" in text
    assert "would run 1 jobs now" in text

    status, text = play("export_rescue")
    assert status == 2 and "say why in export_rescue_reason" in text
    assert state(client) == before

    finishing = threading.Thread(target=finish_when_enqueued, args=(database, client, root, [orphan, twice, failed]))
    finishing.start()
    status, text = play("export_rescue", export_rescue_reason="a test", export_rescue_wait="60")
    finishing.join()
    assert status == 0, text
    for number in (orphan, twice, failed):
        assert f"archive {number} is finished, 9 bytes" in text
    assert text.count("but its file is not there") == 1  # that of carol
    [run] = re.findall(r"undo[ \\\n]+-e run=(\S+)", text)

    status, text = play("export_rescue")
    assert status == 0, text
    assert "Nothing to do." in text and changed(text) == 0

    status, text = play("undo", run=run)
    assert status == 0, text
    assert "put back 2 jobs from 2 archives" in text
    assert sorted(json.loads(raw)["jid"] for raw in state(client)[0]) == ["needless", "t2"]


def finish_when_enqueued(database, client, root, numbers):
    """What the worker would do: take the jobs from the queue and finish the rows; the file of the last one is not kept."""
    waiting = set(numbers)
    deadline = time.monotonic() + 900
    while waiting and time.monotonic() < deadline:
        jobs = [json.loads(raw) for raw in client.lrange("queue:pull", 0, -1)]
        if client.zcard("retry") == 0 and {job["args"][0] for job in jobs} == set(numbers):
            client.delete("queue:pull")
            for number in numbers[:-1]:
                path = root / "public" / "system" / f"backups/dumps/000/000/{number:03}/original/a.zip"
                path.parent.mkdir(parents=True)
                path.write_text("x" * 9, encoding="utf-8")
            for number in numbers:
                database.finish(number)
            waiting.clear()
        time.sleep(0.2)


def test_without_a_database(instance, play):
    _database, client, _root = instance
    client.lpush("queue:pull", payload(7, "a"), payload(7, "b"))
    status, text = play("export_rescue", "--check", export_rescue_database="never")
    assert status == 0, text
    assert "The database was not read" in text and "would take out 1 jobs that nobody needs" in text
    assert "which rows have no job (orphans)" in text and "whether they fit" in text

    working = threading.Thread(target=take_when_single, args=(client,))
    working.start()
    told = {"export_rescue_reason": "a test", "export_rescue_wait": 60}
    status, text = play("export_rescue", export_rescue_database="never", **told)
    working.join()
    assert status == 0, text
    assert "the job of archive 7 has ended; whether the archive is there is not known without the database" in text


def take_when_single(client):
    """What the worker would do when the duplicate is gone."""
    deadline = time.monotonic() + 900
    while client.llen("queue:pull") != 1 and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    client.rpop("queue:pull")


@pytest.mark.one_core
def test_what_does_not_fit_is_not_started(instance, play):
    """An account with more media than any disk has room for: its orphan and its retry stay where they are."""
    database, client, _root = instance
    large, small = (
        database.add_backup(database.add_user(*one)) for one in (("dave", [2_000_000_000] * 5000), ("erin",))
    )
    failed = database.add_backup(database.add_user("frank", [2_000_000_000] * 5000))
    error = {"retry_count": 1, "error_class": "Errno::ENOSPC", "error_message": SECRET, "failed_at": time.time() - 9}
    client.zadd("retry", {payload(failed, "r1", **error): time.time() + 600})
    told = {"export_rescue_reason": "a test", "export_rescue_wait": 0}
    status, text = play("export_rescue", **told)
    assert status == 0, text
    assert "CRITICAL [archive_does_not_fit]" in text
    for number in (large, failed):
        assert f"archive {number} is not helped: There is no room for it: it needs about" in text
    assert f"put back the jobs of the archives {small}, which have none" in text
    waiting, retry = state(client)
    assert [json.loads(raw)["args"] for raw in waiting] == [[small]]
    assert len(retry) == 1

    client.delete("queue:pull")
    database.finish(small)
    status, text = play("export_rescue", **told)
    assert status == 0, text
    assert "Nothing to do." in text and changed(text) == 0
    assert text.count("is not helped: There is no room for it") == 2
