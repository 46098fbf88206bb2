# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives as people wait for them: real rows in PostgreSQL, real Redis."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state import heartbeats
from ansible_collections.fediverse.mastodon.tests.redis import modules

pytestmark = pytest.mark.parametrize(
    "redis_process", ["redis-server"], indirect=True
)  # which it is does not matter here


class Instance:
    """A Mastodon: a Redis, a database, and the folder whose .env.production says where they are."""

    def __init__(self, client, postgres, root):
        self.client, self.postgres, self.root = client, postgres, root
        self.redis_socket = client.connection_pool.connection_kwargs["path"]
        self.say()

    def say(self, **variables):
        """Write .env.production; as Mastodon's guide has it, with a password."""
        said = self.postgres.variables(**variables)
        text = "".join(f"{name}={quoted(value)}\n" for name, value in said.items())
        (self.root / ".env.production").write_text(text)

    def info(self, **options):
        options = {"measure": 0, "heartbeat_timeout": 0, **options}
        return self.run("export_info", **options)

    def run(self, name, **options):
        return modules.run(name, redis_socket=self.redis_socket, mastodon_root=str(self.root), **options)

    def push(self, number, jid, queue="pull", **fields):
        self.client.sadd("queues", queue)
        self.client.lpush(f"queue:{queue}", payload(number, jid, queue, **fields))

    def fill(self, count, queue="pull"):
        self.client.sadd("queues", queue)
        self.client.lpush(
            f"queue:{queue}", *(payload(n, f"f{n}", queue, **{"class": "LinkCrawlWorker"}) for n in range(count))
        )

    def beat(self, identity="web1:42:abc", ago=0.0, work=None, busy=0, **info):
        """What a process writes with each heartbeat."""
        now = float(self.client.time()[0]) + 1 - ago
        host, pid, _nonce = identity.split(":")
        known = {"hostname": host, "pid": int(pid), "queues": ["pull"], "concurrency": 5, "version": "7.3.9", **info}
        self.client.sadd("processes", identity)
        self.client.hset(
            identity, mapping={"info": json.dumps(known), "beat": repr(now), "busy": busy, "quiet": "false"}
        )
        self.client.delete(f"{identity}:work")
        for thread, (number, jid) in (work or {}).items():
            entry = {"queue": "pull", "payload": payload(number, jid), "run_at": int(now) - 61}
            self.client.hset(f"{identity}:work", thread, json.dumps(entry))

    @contextlib.contextmanager
    def beating(self, **said):
        """A process that beats again and again, quickly, until the end of the block."""
        over = threading.Event()

        def go_on():
            while not over.wait(0.2):
                self.beat(**said)

        self.beat(**said)
        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def quoted(value):
    """As mastodon:setup writes it."""
    return (
        value
        if value.replace(".", "").replace("/", "").replace("_", "").isalnum()
        else '"' + "".join(f"\\{char}" if char in '"$\\' else char for char in value) + '"'
    )


def payload(number, jid, queue="pull", **fields):
    made = time.time() - 100
    found = {"retry": 5, "queue": queue, "backtrace": True, "dead": False, "args": [number], "class": "BackupWorker"}
    return json.dumps({**found, "jid": jid, "created_at": made, "enqueued_at": made, **fields}, separators=(",", ":"))


@pytest.fixture
def instance(scratch_redis, postgres, tmp_path):
    return Instance(scratch_redis, postgres, tmp_path)


def by_id(result):
    return {export["backup_id"]: export for export in result["exports"]}


def test_every_state(instance):
    rows = {}
    for name in ("waiting", "scheduled", "running", "retrying", "orphaned", "twice"):
        rows[name] = instance.postgres.add_backup(instance.postgres.add_user(name, [100, 2_000_000_000, 2_000_000_000]))
    instance.postgres.add_backup(instance.postgres.add_user("done"), file="archive-1.zip", size=10**10)
    instance.fill(7)
    instance.push(rows["waiting"], "w1")
    instance.push(rows["twice"], "d1")
    instance.push(rows["twice"], "d2")
    began = time.time()
    later = began + 600
    instance.client.zadd("schedule", {payload(rows["scheduled"], "s1"): later})
    failed = {"retry_count": 1, "error_class": "Errno::ENOSPC", "error_message": "s3cret-post-of-somebody"}
    instance.client.zadd("retry", {payload(rows["retrying"], "r1", failed_at=time.time() - 30, **failed): later})
    with instance.beating(work={"t1": (rows["running"], "x1")}, busy=1):
        result = instance.info(heartbeat_timeout=30)
    assert result["database"] is True and result["database_reason"] is None and result["unknown"] == []
    assert result["totals"] == dict.fromkeys(result["totals"], 1) and result["total"] == 6
    assert {export["account"]: export["state"] for export in result["exports"]} == {
        **{name: name for name in rows if name != "twice"},
        "twice": "duplicated",
    }
    found = {name: by_id(result)[number] for name, number in rows.items()}
    assert (found["waiting"]["position"], found["waiting"]["ahead"], found["waiting"]["queue"]) == (8, 7, "pull")
    took = time.time() - began
    assert found["scheduled"]["estimate"] == pytest.approx(600, abs=took + 1)
    assert found["running"]["process"] == "web1:42:abc"
    assert (found["running"]["hostname"], found["running"]["pid"]) == ("web1", 42)
    assert found["running"]["elapsed"] == pytest.approx(61, abs=took + 2)
    assert (found["retrying"]["attempts"], found["retrying"]["error_class"]) == (2, "Errno::ENOSPC")
    assert found["retrying"]["next_try_at"] and found["retrying"]["since_epoch"] == pytest.approx(
        began - 30, abs=took + 1
    )
    assert (found["twice"]["jid"], found["twice"]["surplus_jids"]) == ("d1", ["d2"])
    assert found["orphaned"]["jids"] == [] and found["orphaned"]["certain"] is True
    assert found["orphaned"]["age"] == pytest.approx(3600, abs=took + 10)
    assert {export["media_bytes"] for export in result["exports"]} == {4_000_000_100}
    assert result["completed"] == {"count": 1, "bytes": 10**10}
    assert "private.example" not in json.dumps(result), "a mail address"


def test_the_password_reaches_neither_a_result_nor_the_list_of_processes(instance, monkeypatch):
    seen = []

    def spy(command, **popen):
        seen.append((command, popen.get("env")))
        return run(command, **{"check": False, **popen})  # pylint: disable=subprocess-run-check

    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", spy)
    result = instance.info()
    password = instance.postgres.variables()["DB_PASS"]
    asked = [(command, env) for command, env in seen if command[0] == "psql"]
    assert result["database"] is True and asked
    for command, env in asked:
        assert not any(password in word for word in command)
        assert env["PGPASSWORD"] == password
    assert password not in json.dumps(result)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_peers_are_let_in_as_the_user_that_owns_mastodon(instance):
    shutil.chown(instance.root, "nobody")
    instance.say(DB_HOST=str(instance.postgres.socket), DB_USER="nobody", DB_PASS="")
    for folder in instance.root.parents:
        folder.chmod(folder.stat().st_mode | 0o011)
    number = instance.postgres.add_backup(instance.postgres.add_user("alice"))
    assert by_id(instance.info())[number]["account"] == "alice"
    instance.say(DB_HOST=str(instance.postgres.socket), DB_USER="mastodon", DB_PASS="")
    reason = instance.info()["database_reason"]
    assert "as the user nobody" in reason and "Peer authentication failed" in reason and "become: true" in reason


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"DB_PASS": "s3cret"}, "password authentication failed"),
        ({"DB_NAME": "postgres"}, "not a database of Mastodon"),
        ({"DB_NAME": "nowhere"}, "not a database of Mastodon"),
        ({"DB_PORT": "1"}, "Connection refused"),
        ({"DB_PORT": "many"}, "no port"),
        ({"DATABASE_URL": "mysql://u:s3cret@h/n"}, "no URL of PostgreSQL"),
    ],
)
def test_without_the_database_the_jobs_alone_are_listed(instance, variables, says):
    number = instance.postgres.add_backup(instance.postgres.add_user("alice"))
    instance.push(number, "w1")
    instance.say(**variables)
    result = instance.info()
    assert result["database"] is False and says in result["database_reason"]
    assert "s3cret" not in json.dumps(result)
    assert any("orphan" in what for what in result["unknown"])
    [export] = result["exports"]
    assert (export["backup_id"], export["state"], export["user_id"]) == (number, "waiting", None)
    failed = instance.info(database="required")
    assert failed["failed"] and says in failed["msg"]
    assert instance.info(database="never")["database_reason"] == "database is never"


def test_the_database_by_a_url(instance):
    instance.postgres.add_backup(instance.postgres.add_user("alice"))
    [] = instance.root.glob("*.rb")
    shutil.rmtree(instance.root)
    assert instance.info()["database"] is False
    url = instance.postgres.url
    result = instance.info(database_url=url)
    assert result["totals"]["orphaned"] == 1
    wrong = instance.info(database_url=url.replace("postgresql", "mysql"))
    assert wrong["failed"] and "database_url is no URL" in wrong["msg"]


def test_it_reads_in_a_transaction_that_cannot_write(instance):
    from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.database import Database, NoDatabase
    from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.database import (
        database_settings,
    )
    from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.variables import Variables

    settings = database_settings(Variables(instance.postgres.variables()))
    database = Database(settings, timeout=0.2)
    with pytest.raises(NoDatabase, match="read-only transaction"):
        database.read("DELETE FROM backups RETURNING json_build_object('id', id)")
    with pytest.raises(NoDatabase, match="statement timeout"):
        database.read("SELECT json_build_object('x', pg_sleep(60)::text)")


def test_a_job_that_has_just_begun_is_no_orphan(instance, monkeypatch):
    """It is in no list until the next heartbeat of its process."""
    number = instance.postgres.add_backup(instance.postgres.add_user("alice"))
    instance.beat(ago=5)
    result = instance.info(heartbeat_timeout=0.3)
    assert by_id(result)[number]["certain"] is False and result["silent_processes"] == ["web1:42:abc"]
    over = threading.Event()

    def beat():
        while not over.wait(0.5):
            instance.beat(work={"t1": (number, "x1")}, busy=1)

    beating = threading.Thread(target=beat)

    def read_beats(*arguments, real=heartbeats.read_beats):
        if not beating.ident:  # the module waits from now on
            beating.start()
        return real(*arguments)

    monkeypatch.setattr(heartbeats, "read_beats", read_beats)
    try:
        result = instance.info(heartbeat_timeout=300)
    finally:
        over.set()
        beating.join()
    assert by_id(result)[number]["state"] == "running" and result["silent_processes"] == []


def test_a_process_that_is_gone_holds_no_job(instance):
    number = instance.postgres.add_backup(instance.postgres.add_user("alice"))
    instance.client.sadd("processes", "ghost:1:abc")
    assert by_id(instance.info(heartbeat_timeout=5))[number]["certain"] is True


def test_some_can_be_chosen_and_finished_ones_are_told(instance):
    users = {name: instance.postgres.add_user(name) for name in ("alice", "bob", "carol")}
    rows = {name: instance.postgres.add_backup(user) for name, user in users.items()}
    done = instance.postgres.add_backup(users["bob"], file="archive-7.zip", size=77)
    assert set(by_id(instance.info(accounts=["alice", "bob"]))) == {rows["alice"], rows["bob"]}
    assert set(by_id(instance.info(user_ids=[users["carol"]]))) == {rows["carol"]}
    found = by_id(instance.info(backup_ids=[rows["carol"], done, 999999]))
    assert {number: export["state"] for number, export in found.items()} == {
        rows["carol"]: "orphaned",
        done: "finished",
        999999: "gone",
    }
    assert found[done]["bytes"] == 77
    assert found[done]["path"] == f"backups/dumps/000/000/{done:03d}/original/archive-7.zip"
    assert instance.info(backup_ids=[done])["total"] == 3


def test_the_estimate_is_the_pace_of_the_queue(instance):
    number = instance.postgres.add_backup(instance.postgres.add_user("alice"))
    instance.fill(2000)
    instance.push(number, "w1")
    stop = threading.Event()

    def drain():
        while not stop.wait(0.01):
            instance.client.rpop("queue:pull")

    worker = threading.Thread(target=drain)
    worker.start()
    try:
        result = instance.info(measure=1)
    finally:
        stop.set()
        worker.join()
    [queue] = result["queues"]
    assert 0 < queue["rate"] <= 110
    assert by_id(result)[number]["estimate"] == pytest.approx(by_id(result)[number]["ahead"] / queue["rate"], rel=0.01)
    assert by_id(instance.info(measure=0.1))[number]["estimate"] is None, "it does not move"


def test_jobs_that_nobody_waits_for(instance):
    user = instance.postgres.add_user("alice")
    done = instance.postgres.add_backup(user, file="a.zip")
    instance.push(done, "f1")
    instance.push(424242, "n1")
    instance.push("twenty", "t1")
    result = instance.info()
    assert {one["jid"]: one["reason"] for one in result["needless_jobs"]} == {
        "f1": "finished",
        "n1": "no_row",
        "t1": "no_number",
    }
    assert result["exports"] == []


def test_check_mode_is_the_same(instance):
    instance.push(instance.postgres.add_backup(instance.postgres.add_user("alice")), "w1")
    before = instance.postgres.rows(), instance.client.lrange("queue:pull", 0, -1)
    real, checked = instance.info(), instance.info(check_mode=True)
    assert real["exports"][0]["state"] == checked["exports"][0]["state"] == "waiting"
    assert real.keys() == checked.keys() and not real["changed"] and not checked["changed"]
    assert (instance.postgres.rows(), instance.client.lrange("queue:pull", 0, -1)) == before


# --- putting jobs back, letting users ask again -----------------------------------------------------------------------------------


@pytest.fixture
def orphan(instance):
    """The id of a row whose job is gone, an hour old."""
    return instance.postgres.add_backup(instance.postgres.add_user("alice"))


def queued(instance):
    return [json.loads(raw) for raw in instance.client.lrange("queue:pull", 0, -1)]


def outcomes(result):
    return {one["backup_id"]: (one["outcome"], one["reason"]) for one in result["exports"]}


def edit(instance, state, **options):
    options = {"archive_dir": str(instance.root / "archives"), "heartbeat_timeout": 0, **options}
    return instance.run("export", state=state, **options)


def test_an_orphan_is_enqueued_once(instance, orphan):
    checked = edit(instance, "enqueued", all=True, check_mode=True)
    assert (checked["changed"], outcomes(checked), queued(instance)) == (True, {orphan: ("enqueued", None)}, [])
    done = edit(instance, "enqueued", all=True)
    assert outcomes(done) == outcomes(checked) and done["diff"] == checked["diff"] and done["edited"] == 1
    [job] = queued(instance)
    assert (job["class"], job["args"], job["jid"]) == ("BackupWorker", [orphan], done["exports"][0]["jid"])
    assert instance.client.smembers("queues") == {b"pull"}
    again = edit(instance, "enqueued", backup_ids=[orphan])
    assert (again["changed"], outcomes(again)) == (False, {orphan: ("unchanged", "has_job")})
    assert edit(instance, "enqueued", all=True)["matched"] == 0
    assert len(queued(instance)) == 1
    # killed once more, it is an orphan once more
    instance.client.delete("queue:pull")
    assert edit(instance, "enqueued", all=True)["edited"] == 1


@pytest.mark.parametrize(("version", "kind"), [("7.3.9", float), ("8.1.6", int), (None, float)])
def test_times_are_those_of_the_sidekiq_that_runs(instance, orphan, version, kind):
    with instance.beating(version=version):
        edit(instance, "enqueued", all=True, heartbeat_timeout=30)
    [job] = queued(instance)
    assert {type(job[name]) for name in ("created_at", "enqueued_at")} == {kind}
    assert job["created_at"] == pytest.approx(time.time() * (1000 if kind is int else 1), rel=1e-6)


@pytest.mark.parametrize(("release", "kind"), [((4, 4), float), ((4, 5), int), (None, float)])
def test_with_no_process_the_release_says_the_unit(instance, orphan, release, kind):
    if release:
        version = instance.root / "lib" / "mastodon" / "version.rb"
        version.parent.mkdir(parents=True)
        parts = zip(("major", "minor", "patch"), (*release, 0))
        version.write_text("".join(f"def {name}\n  {number}\nend\n" for name, number in parts))
    edit(instance, "enqueued", all=True)
    [job] = queued(instance)
    assert {type(job["created_at"])} == {kind}


def test_of_runs_at_once_one_does_it(instance, orphan):
    """All have looked before the first of them acts."""
    from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports import enqueue
    from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
    from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.clock import redis_time

    key, answers = Keys(), []
    began = redis_time(instance.client)
    barrier = threading.Barrier(8)

    def run():
        barrier.wait()
        job = enqueue.new_job(orphan, time.time(), False)[1]
        answers.append(enqueue.claim(instance.client, key, orphan, began, job))

    threads = [threading.Thread(target=run) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["claimed"] * 7 + ["done"]
    assert len(queued(instance)) == 1
    # even if the job has been taken from its queue meanwhile
    instance.client.delete("queue:pull")
    assert enqueue.claim(instance.client, key, orphan, began, b"{}") == "claimed"
    assert enqueue.claim(instance.client, key, orphan, redis_time(instance.client), b"{}") == "done"


@pytest.mark.parametrize("where", ["queue", "work", "workers"])
def test_a_job_that_comes_after_the_look_is_seen(instance, orphan, where):
    from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports import enqueue
    from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
    from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.clock import redis_time

    began = redis_time(instance.client)
    if where == "queue":
        instance.push(orphan, "w1")
        instance.fill(500)
    else:
        instance.beat(work={"t": (orphan, "x1")})
        if where == "workers":
            instance.client.rename("web1:42:abc:work", "web1:42:abc:workers")
    before = queued(instance)
    assert enqueue.claim(instance.client, Keys(), orphan, began, b"{}") == "has_job"
    assert enqueue.claim(instance.client, Keys(), orphan + 1, began, b"") == "done"
    assert queued(instance) == before


def test_an_orphan_is_released_and_can_come_back(instance, orphan):
    done = instance.postgres.add_backup(instance.postgres.add_user("bob"), file="b.zip")
    before = instance.postgres.rows()
    checked = edit(instance, "released", backup_ids=[orphan, done, 4242], check_mode=True)
    assert instance.postgres.rows() == before and not (instance.root / "archives").exists()
    released = edit(instance, "released", backup_ids=[orphan, done, 4242])
    expected = {orphan: ("released", None), done: ("kept", "finished"), 4242: ("unchanged", "gone")}
    assert outcomes(checked) == outcomes(released) == expected
    assert checked["diff"] == released["diff"] and checked.keys() == released.keys()
    assert [row["id"] for row in instance.postgres.rows()] == [done]
    assert oct(os.stat(released["record"]).st_mode)[-3:] == "600"
    assert oct(os.stat(instance.root / "archives").st_mode)[-3:] == "700"
    again = edit(instance, "released", backup_ids=[orphan])
    assert (again["changed"], outcomes(again)) == (False, {orphan: ("unchanged", "gone")})
    assert edit(instance, "restored", path=released["record"], check_mode=True)["changed"] is True
    assert len(instance.postgres.rows()) == 1
    back = edit(instance, "restored", path=released["record"])
    assert outcomes(back) == {orphan: ("restored", None)}
    assert instance.postgres.rows() == before
    again = edit(instance, "restored", path=released["record"])
    assert (again["changed"], outcomes(again)) == (False, {orphan: ("unchanged", "restored_before")})
    instance.postgres.sql("TRUNCATE backups")
    assert edit(instance, "restored", path=released["record"])["changed"] is False, "once"


def test_what_has_a_job_is_never_released(instance):
    rows = {name: instance.postgres.add_backup(instance.postgres.add_user(name)) for name in ("wait", "run", "retry")}
    instance.push(rows["wait"], "w1")
    instance.client.zadd("retry", {payload(rows["retry"], "r1"): time.time() + 60})
    instance.beat(work={"t": (rows["run"], "x1")})
    before = instance.postgres.rows()
    result = edit(instance, "released", backup_ids=list(rows.values()))
    assert set(outcomes(result).values()) == {("kept", "has_job")} and not result["changed"]
    assert edit(instance, "released", all=True)["matched"] == 0
    assert instance.postgres.rows() == before


def test_a_row_that_is_finished_in_the_last_moment_stays(instance, orphan, monkeypatch):
    from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import export as export_edit

    write = export_edit.write_released

    def finish_first(*arguments):
        instance.postgres.finish(orphan)
        return write(*arguments)

    monkeypatch.setattr(export_edit, "write_released", finish_first)
    result = edit(instance, "released", all=True)
    assert outcomes(result) == {orphan: ("unchanged", "gone")} and result["record"] is None and not result["changed"]
    assert instance.postgres.rows()[0]["processed"] is True
    assert list((instance.root / "archives").iterdir()) == []


def test_what_is_left_alone_and_why(instance, orphan):
    alice = instance.postgres.sql("SELECT id FROM users")[0][0]
    young = instance.postgres.add_backup(instance.postgres.add_user("bob"), age=30)
    newer = instance.postgres.add_backup(int(alice), age=600)
    nobody = instance.postgres.add_backup(None)
    file = instance.postgres.add_backup(instance.postgres.add_user("carol"))
    instance.postgres.sql(f"UPDATE backups SET dump_file_name = 'half.zip' WHERE id = {file}")
    checked = edit(instance, "enqueued", all=True, check_mode=True)
    assert outcomes(checked) == {
        orphan: ("kept", "duplicate"),
        young: ("kept", "young"),
        newer: ("enqueued", None),
        nobody: ("kept", "no_user"),
        file: ("enqueued", None),
    }
    assert checked["kept"] == {"duplicate": 1, "no_user": 1, "young": 1}
    released = edit(instance, "released", all=True, check_mode=True)
    assert outcomes(released)[file] == ("kept", "has_file")
    assert outcomes(released)[nobody] == ("released", None)
    instance.beat(ago=20)
    silent = edit(instance, "enqueued", all=True, min_age="1h")
    assert set(outcomes(silent).values()) <= {("kept", "uncertain"), ("kept", "duplicate"), ("kept", "no_user")}
    assert queued(instance) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"state": "enqueued"}, "Say which archives are meant"),
        ({"state": "enqueued", "all": True, "accounts": ["a"]}, "exclude each other"),
        ({"state": "enqueued", "all": True, "path": "/x"}, "path belongs to state: restored"),
        ({"state": "enqueued", "all": True, "min_age": "soon"}, "min_age"),
        ({"state": "enqueued", "all": True, "max_exports": 0}, "more than max_exports (0)"),
        ({"state": "enqueued", "all": True, "database_timeout": 0}, "database_timeout"),
        ({"state": "restored"}, "needs path"),
        ({"state": "restored", "path": "/nowhere/x.json"}, "There is no record of released rows /nowhere/x.json."),
        ({"state": "restored", "path": "/etc/hostname"}, "no JSON"),
        ({"state": "released", "all": True, "archive_dir": "/proc/no"}, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(instance, orphan, options, says):
    result = edit(instance, **options)
    assert result["failed"] and says in result["msg"]
    assert queued(instance) == [] and len(instance.postgres.rows()) == 1


def test_without_the_database_it_refuses(instance, orphan):
    instance.say(DB_PASS="s3cret")
    result = edit(instance, "enqueued", all=True)
    assert result["failed"] and "password authentication failed" in result["msg"] and "s3cret" not in result["msg"]
