# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook against a Redis in which each name was chosen by somebody who means harm: nothing of it is obeyed or run."""

from __future__ import annotations

import contextlib
import json
import shlex
import time

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import heartbeat, server
from ansible_collections.fediverse.mastodon.tests.lab import postgres
from ansible_collections.fediverse.mastodon.tests.playbooks.commands import printed

LONG = "a" * 312
"""A name of a remote server that no name server would take; the limit is 253."""
FORGED = "ok: [social.example] => all well"


@pytest.fixture
def mark(tmp_path):
    """A file that is there as soon as somebody runs what stands in a name."""
    return tmp_path / "somebody-ran-it"


@pytest.fixture
def evil(mark):
    """What a name can hold, after a word that tells which name it is."""

    def made(word):
        run = f"touch {mark}"
        orders = f"\x1b[2J\x1b]0;title\x07\x9b31m\x85\u202edesrever\u2066\u200b\ufeff\r\n{FORGED}\n"
        return f"{word}{orders}{{{{ lookup('pipe', '{run}') }}}}$({run})`{run}`'\"; {run} #\t{'x' * 300}"

    return made


def job(evil, number, **fields):
    made = time.time() - 9000
    usual = {"class": evil("Klass"), "queue": evil("queue"), "jid": evil(f"jid{number}"), "args": [], "retry": True}
    return {**usual, "created_at": made, "enqueued_at": made, "tags": [evil("tag")], **fields}


def delivery(evil, number, domain):
    return job(evil, number, **{"class": "ActivityPub::DeliveryWorker", "args": ["{}", 1, f"https://{domain}/inbox"]})


@pytest.fixture
def hostile(evil):
    """Queues, sets, processes, running jobs, recurring jobs and keys with such names: a URL and a client."""
    with server.running() as running, running.client() as client:
        queue = evil("queue")
        client.sadd("queues", queue, "push", b"no-utf8-\xff\x9b")
        for number in range(150):
            client.lpush(f"queue:{queue}", json.dumps(job(evil, number), ensure_ascii=number % 2 == 0))
            client.lpush("queue:push", json.dumps(delivery(evil, number, f"s{number}.example")))
            failed = {"error_class": evil("Error"), "error_message": evil("message"), "retry_count": 3}
            failed.update(failed_at=time.time() - 900, error_backtrace=[])
            for key in ("retry", "dead"):
                client.zadd(key, {json.dumps({**job(evil, number), **failed}): time.time() - 600 + number})
            client.zadd("retry", {json.dumps({**delivery(evil, number, LONG), **failed}): time.time() + number})
        client.set(evil("family"), "x" * 10_000)
        client.hset("sidekiq-cron", evil("recurring"), json.dumps({"class": evil("Klass"), "cron": evil("cron")}))
        client.hset("schedules", evil("recurring"), json.dumps({"class": evil("Klass"), "every": evil("every")}))
        since = time.time() - 7200
        domains = [LONG, *(f"s{number}.example" for number in range(4))]
        jobs = [delivery(evil, number, domain) for number, domain in enumerate(domains)]
        process = heartbeat.Process(
            identity=f"{evil('host')}:42:abcdef123456",
            started_at=since,
            running=tuple(heartbeat.Running(one, since) for one in [*jobs, job(evil, 99)]),
            queues={queue: 1, "push": 1},
            concurrency=25,
        )
        stuck = (heartbeat.Running(delivery(evil, 7, "s1.example"), since),)
        plain = heartbeat.Process(identity="web-1:43:abcdef123456", started_at=since, running=stuck, queues={"pull": 1})
        with heartbeat.kept_alive(client, [process, plain]):
            yield running, client


def torn(command, mark):
    """The words of a shell command that hold a part of a name alone: `evil` writes its orders four times into each."""
    return [word for word in shlex.split(command) if word.count(f"touch {mark}") % 4]


def unprintable(text):
    return {char for char in text if not char.isprintable() and char != "\n"}


@pytest.fixture
def play(ansible_playbook, hostile, mark):
    """Runs a playbook, and looks at all that it prints."""

    alone = ("unshare", "--map-root-user", "--net")  # no name server, no network

    def run(name, *arguments, **variables):
        here = ("-i", "social.example,", "-c", "local", "--diff")
        running, _client = hostile
        given = {"redis_url": running.url, **variables}
        outcome = ansible_playbook(f"fediverse.mastodon.{name}", *here, *arguments, variables=given, inside=alone)
        assert not unprintable(outcome.text), outcome.text
        assert FORGED not in outcome.text.splitlines()
        assert not mark.exists(), "what stands in a name was run"
        for command in printed(outcome.text):
            assert not torn(command, mark), command
        return outcome

    return run


def test_health(play):
    status, text = play("health", health_width=400)
    assert status == 0 and "Klass?[2J" in text
    assert play("health", health_fail_on="notice").status == 2


def test_federation_rescue_skips_names_that_no_server_has(play):
    status, text = play("federation_rescue", federation_rescue_probe_timeout=0.2, federation_rescue_width=120)
    assert status == 0 and "s0.example" in text and "fails at dns" in text
    assert f"Skipped 1 name in jobs that no server can have, such as {LONG[:37]}..." in text


def test_federation_rescue_in_check_mode(play):
    options = {"federation_rescue_actions": "quarantine,stop_stuck", "federation_rescue_domains": "s1.example"}
    status, text = play("federation_rescue", "--check", federation_rescue_probe=False, **options)
    assert status == 0 and "Would stop host?[2J" in text


def test_backlog_recovery(play):
    options = {"backlog_recovery_measure": 1, "backlog_recovery_high_mark": 100, "backlog_recovery_memory_limit": 0}
    status, text = play("backlog_recovery", **options)
    assert status == 0 and "queue?[2J" in text and "Klass?[2J" in text and "Error?[2J" in text
    status, text = play("backlog_recovery", "--check", backlog_recovery_restart_stuck=True, **options)
    assert status == 0 and "would stop web-1:43:abcdef123456;" in text and "skipped    host?[2J" in text


def test_backlog_recovery_that_fails(play):
    jobs = [{"state": "absent", "where": "bad["}]
    status, text = play("backlog_recovery", backlog_recovery_measure=1, backlog_recovery_jobs=jobs)
    assert status == 2 and "where is no JMESPath expression" in text


@pytest.fixture
def root(tmp_path, hostile):
    """A Mastodon with a database beside this Redis."""
    running, _client = hostile
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres.running(peers=("nobody",)))
        database.add_backup(database.add_user("alice"))
        live = tmp_path / "live"
        (live / "public" / "system").mkdir(parents=True)
        text = f"REDIS_URL=unix://{running.socket}\nDATABASE_URL={database.url}\n"
        (live / ".env.production").write_text(text, encoding="utf-8")
        yield live


def test_exports(play, root, hostile, evil):
    _running, client = hostile
    failed = {"error_class": evil("Error"), "error_message": evil("message"), "retry_count": 2, "class": "BackupWorker"}
    for number, argument in enumerate([1, 1, 2**70, -1, 0, evil("1"), [1], {"a": 1}, None, True, 1.5]):
        made = {**job(evil, number), **failed, "args": [argument], "jid": [evil("jid"), None, 7][number % 3]}
        client.zadd("retry", {json.dumps(made): time.time() + 600})
        client.lpush("queue:pull", json.dumps({**made, "queue": "pull"}))
    client.sadd("queues", "pull")
    options = {"sidekiq_options": {"mastodon_root": str(root)}}
    assert play("export_schedule", **options).status == 0
    status, text = play("export_rescue", "--check", export_rescue_mastodon_root=str(root), **options)
    assert status == 0, text


def test_undo(play):
    assert play("undo").status == 0


def test_restart(play):
    assert play("restart", "--check", ansible_become=False).status in (0, 2)
