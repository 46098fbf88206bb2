# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/undo.yml as its users run it: two edits of one run are put back, newest first, once; hosts without a record are left alone."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import server

SECRET = "s3cret-post-of-somebody"


@pytest.fixture
def play(tmp_path, ansible_playbook):
    """Runs a playbook, given by name or as its tasks, over the host here and one that has no record."""

    def run(playbook, *arguments, **variables):
        if not isinstance(playbook, str):
            path = tmp_path / "made.yml"
            path.write_text(json.dumps([{"hosts": "here", "gather_facts": False, "tasks": playbook}]), encoding="utf-8")
            playbook = str(path)
        inventory = tmp_path / "hosts.json"
        local = {"ansible_connection": "local"}
        other = {**local, "runs_dir": str(tmp_path / "others")}
        inventory.write_text(json.dumps({"all": {"hosts": {"here": local, "other": other}}}), encoding="utf-8")
        return ansible_playbook(playbook, "-i", str(inventory), *arguments, variables=variables, never=[SECRET])

    return run


def recap(text: str, host: str) -> dict[str, int]:
    [line] = re.findall(rf"^{host} +: (.*)$", text, re.MULTILINE)
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)}


def enqueue(client, jobs, classes):
    """Into push, of each class in turn."""
    client.sadd("queues", "push")
    for number in range(jobs):
        job = {"class": classes[number % len(classes)], "args": [SECRET], "jid": f"{number:024x}", "queue": "push"}
        client.lpush("queue:push", json.dumps(job))


def records(tmp_path):
    """The files of the records on the host here, the oldest first."""
    return sorted((tmp_path / "user/.local/state/fediverse.mastodon/runs").iterdir())


def test_a_run_is_undone_once(play, tmp_path):
    with server.running(binary="redis-server") as running, running.client() as client:
        enqueue(client, 60, "ABC")
        before = client.lrange("queue:push", 0, -1)
        name = "fediverse.mastodon"
        edit = {"redis_url": running.url, "state": "absent", "archive_dir": str(tmp_path / "archives")}
        begin = {"runbook": "export_rescue", "reason": "a test", "who": "alice"}
        tasks = [
            {f"{name}.run_record": begin, "register": "begun"},
            {f"{name}.sidekiq_job": {**edit, "classes": ["A"]}, "register": "first"},
            {f"{name}.run_record": {"run": "{{ begun.run }}", "archives": ["{{ first.archive }}"]}},
            {f"{name}.sidekiq_job": {**edit, "classes": ["B"]}, "register": "second"},
            {f"{name}.run_record": {"run": "{{ begun.run }}", "archives": ["{{ second.archive }}"], "ended": True}},
        ]
        status, text = play(tasks)
        assert status == 0, text
        assert client.llen("queue:push") == 20
        [path] = records(tmp_path)
        run = path.stem

        status, text = play("fediverse.mastodon.undo", redis_url=running.url)
        assert status == 0, text
        assert re.search(rf"^{run}  alice: a test$", text, re.MULTILINE), text

        status, text = play("fediverse.mastodon.undo", "--check", "--diff", redis_url=running.url, run=run)
        assert status == 0, text
        assert "here: would put back 40 jobs from 2 archives, 0 were back already, 0 have moved on." in text
        assert client.llen("queue:push") == 20

        status, text = play("fediverse.mastodon.undo", redis_url=running.url, run=run)
        assert status == 0, text
        assert "here: put back 40 jobs from 2 archives, 0 were back already, 0 have moved on." in text
        assert client.lrange("queue:push", 0, -1) == before
        assert recap(text, "here")["changed"] == 2
        assert recap(text, "other")["changed"] == 0
        assert json.loads(path.read_text(encoding="utf-8"))["undone_at"]

        status, text = play("fediverse.mastodon.undo", redis_url=running.url, run=run)
        assert status == 0, text
        assert "here: put back 0 jobs from 2 archives, 40 were back already, 0 have moved on." in text
        assert recap(text, "here")["changed"] == 0
        assert client.lrange("queue:push", 0, -1) == before


def test_a_run_that_no_host_knows(play):
    run = "20261122T070556Z-export_rescue-1a2b3c"
    status, text = play("fediverse.mastodon.undo", run=run)
    assert status == 2, text
    assert recap(text, "here")["changed"] == recap(text, "other")["changed"] == 0
    assert f"There is no run {run} on here, other. Leave run out to see which there are." in " ".join(text.split())


@pytest.mark.one_core
def test_an_archive_that_is_gone_keeps_no_other_one_where_it_is(play, tmp_path):
    with server.running(binary="redis-server") as running, running.client() as client:
        enqueue(client, 20, "AB")
        edit = {"redis_url": running.url, "state": "absent", "archive_dir": str(tmp_path / "archives")}
        tasks = [
            {"fediverse.mastodon.run_record": {"runbook": "r", "reason": "a test"}, "register": "begun"},
            {
                "fediverse.mastodon.sidekiq_job": {**edit, "classes": ["{{ item }}"]},
                "loop": ["A", "B"],
                "register": "out",
            },
            {
                "fediverse.mastodon.run_record": {
                    "run": "{{ begun.run }}",
                    "archives": "{{ out.results | map(attribute='archive') }}",
                }
            },
        ]
        status, text = play(tasks)
        assert status == 0, text
        [path] = records(tmp_path)
        newest = sorted((tmp_path / "archives").iterdir(), key=lambda one: one.stat().st_mtime_ns)[-1]
        newest.rename(tmp_path / "away.jsonl.gz")

        status, text = play("fediverse.mastodon.undo", redis_url=running.url, run=path.stem)
        assert status == 2, text
        assert "here: put back 10 jobs from 2 archives" in text and "The run did not come to its end" in text
        assert f"{newest} cannot be read" in " ".join(text.split())
        assert client.llen("queue:push") == 10
        assert not json.loads(path.read_text(encoding="utf-8"))["undone_at"]

        (tmp_path / "away.jsonl.gz").rename(newest)
        status, text = play("fediverse.mastodon.undo", redis_url=running.url, run=path.stem)
        assert status == 0, text
        assert "here: put back 10 jobs from 2 archives, 10 were back already" in text
        assert client.llen("queue:push") == 20
        assert json.loads(path.read_text(encoding="utf-8"))["undone_at"]


def test_a_run_that_took_nothing_out(play, tmp_path):
    tasks = [{"fediverse.mastodon.run_record": {"runbook": "r", "reason": "a test"}}]
    status, text = play(tasks)
    assert status == 0, text
    [path] = records(tmp_path)
    for changes in (1, 0):  # the run is closed once
        status, text = play("fediverse.mastodon.undo", run=path.stem)
        assert status == 0, text
        assert "This run took nothing out that could be put back." in text
        assert recap(text, "here")["changed"] == changes


def test_a_damaged_record_is_said_and_keeps_no_other_run(play, tmp_path):
    tasks = [{"fediverse.mastodon.run_record": {"runbook": "r", "reason": "a test"}}]
    for _number in range(2):
        status, text = play(tasks)
        assert status == 0, text
    sound, damaged = records(tmp_path)
    damaged.write_text('{"format": "fedi', encoding="utf-8")
    status, text = play("fediverse.mastodon.undo", run=sound.stem)
    assert status == 0, text
    assert "This run took nothing out" in text and damaged.stem in text
    status, text = play("fediverse.mastodon.undo", run=damaged.stem)
    assert status == 2, text
    assert f"The record of {damaged.stem} cannot be read" in " ".join(text.split())


@pytest.mark.one_core
def test_an_edit_that_was_interrupted_before_it_was_recorded(play, tmp_path):
    """The task that writes the step never ran, and the record has lost the archive, too."""
    with server.running(binary="redis-server") as running, running.client() as client:
        enqueue(client, 20, "AB")
        before = client.lrange("queue:push", 0, -1)
        edit = {"redis_url": running.url, "state": "absent", "run": "{{ begun.run }}", "run_step": "quarantine"}
        tasks = [
            {"fediverse.mastodon.run_record": {"runbook": "r", "reason": "a test"}, "register": "begun"},
            {"fediverse.mastodon.sidekiq_job": {**edit, "classes": ["A"]}},
            {"fediverse.mastodon.sidekiq_job": {**edit, "classes": ["B"]}},
        ]
        status, text = play(tasks)
        assert status == 0 and client.llen("queue:push") == 0, text
        [path] = records(tmp_path)
        record = json.loads(path.read_text(encoding="utf-8"))
        assert len(record["archives"]) == 2
        kept = tmp_path / "zz-federation-rescue.conf"
        kept.write_text("not below /run")
        steps = [{"did": "delay_start", "archive": None, "drop_ins": [str(kept), "/run/systemd/system/../x.conf"]}]
        path.write_text(json.dumps({**record, "archives": record["archives"][:1], "steps": steps}), encoding="utf-8")

        status, text = play("fediverse.mastodon.undo", "--check", redis_url=running.url, run=path.stem)
        assert status == 0 and "would put back 20 jobs from 2 archives" in text, text
        assert "it was interrupted, or still runs." in text and recap(text, "here")["changed"] > 0
        status, text = play("fediverse.mastodon.undo", redis_url=running.url, run=path.stem)
        assert status == 0, text
        assert "put back 20 jobs from 2 archives" in text and "It can remove no more jobs." in text
        assert kept.exists(), "what a record names is removed only where the runbook writes it"
        assert client.lrange("queue:push", 0, -1) == before

        status, text = play([{"fediverse.mastodon.sidekiq_job": {**edit, "run": path.stem, "classes": ["A"]}}])
        assert status == 2 and "takes no more edits" in text, "a runbook that goes on is stopped"
        assert client.lrange("queue:push", 0, -1) == before


@pytest.mark.one_core
def test_what_the_run_removed_cannot_be_told(play, tmp_path):
    away = tmp_path / "archives"
    away.write_text("no directory")
    tasks = [{"fediverse.mastodon.run_record": {"runbook": "r", "reason": "a test", "archive_dir": str(away)}}]
    assert play(tasks)[0] == 0
    [path] = records(tmp_path)
    for check in ([], ["--check"]):
        status, text = play("fediverse.mastodon.undo", *check, run=path.stem)
        assert status == 2 and "took nothing out" not in text, text
        assert f"The archive directory {away} cannot be read: Not a directory." in " ".join(text.split())
    assert not json.loads(path.read_text(encoding="utf-8"))["undone_at"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["-i", ""],
        ["-i", "here,", "-e", "undo_hosts=elsewhere"],
        ["-i", "here,other,", "-l", "other", "-e", "undo_hosts=here"],
    ],
    ids=["no inventory", "no such host", "another limit"],
)
def test_without_a_host(ansible_playbook, arguments):
    status, text = ansible_playbook(
        "fediverse.mastodon.undo", *arguments, variables={"run": "20261122T070556Z-r-1a2b3c"}
    )
    assert status != 0 and "No host matches" in text, text
    assert "so nothing was undone. Give the inventory (-i) and the limit (-l) of the run." in " ".join(text.split())


@pytest.mark.parametrize("arguments", [["-l", "here,!other"], ["-l", "all"], ["-e", "undo_hosts=here"]])
def test_with_a_limit(play, tmp_path, arguments):
    assert play([{"fediverse.mastodon.run_record": {"runbook": "r", "reason": "a test"}}])[0] == 0
    [path] = records(tmp_path)
    status, text = play("fediverse.mastodon.undo", *arguments, run=path.stem)
    assert status == 0 and "This run took nothing out" in text, text


def test_the_implicit_localhost(ansible_playbook):
    status, text = ansible_playbook("fediverse.mastodon.undo", variables={"undo_hosts": "localhost"})
    assert status == 0 and "localhost: 0 runs" in text, text


@pytest.mark.one_core
def test_a_redis_that_has_lost_the_run(play, tmp_path):
    """Restored without a word it would be "put back 0 jobs" with status 0, while the jobs are nowhere."""
    with server.running(binary="redis-server") as running, running.client() as client:
        enqueue(client, 20, "A")
        edit = {
            "redis_url": running.url,
            "state": "absent",
            "classes": ["A"],
            "archive_dir": str(tmp_path / "archives"),
        }
        tasks = [
            {"fediverse.mastodon.run_record": {"runbook": "r", "reason": "a test"}, "register": "begun"},
            {"fediverse.mastodon.sidekiq_job": edit, "register": "out"},
            {
                "fediverse.mastodon.run_record": {
                    "run": "{{ begun.run }}",
                    "archives": ["{{ out.archive }}"],
                    "ended": True,
                }
            },
        ]
        status, text = play(tasks)
        assert status == 0, text
        [path] = records(tmp_path)
        client.flushall()
        status, text = play("fediverse.mastodon.undo", redis_url=running.url, run=path.stem)
        assert status == 2, text
        assert "The edit removed 20 jobs: 0 wait in their place here, 20 do not." in " ".join(text.split())
        assert not json.loads(path.read_text(encoding="utf-8"))["undone_at"]
        status, text = play("fediverse.mastodon.undo", redis_url=running.url, run=path.stem, undo_force=True)
        assert status == 0, text
        assert client.llen("queue:push") == 20
