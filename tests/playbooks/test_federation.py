# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/federation_rescue.yml as its users run it: a server that is gone goes into quarantine, and comes back bit by bit."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import pathlib
import re
import threading
import time

import pytest

from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import RELEASES, open_live, sidekiq
from ansible_collections.fediverse.mastodon.tests.instance import heartbeat, server, situations
from ansible_collections.fediverse.mastodon.tests.lab import admin_api
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

GONE = "gone.example"
TOKEN = "t0ken-of-an-admin"
QUARANTINE = {"federation_rescue_actions": "quarantine", "federation_rescue_domains": GONE}
RELEASE = {"federation_rescue_actions": "release", "federation_rescue_domains": [GONE], "federation_rescue_canary": 5}
QUICK = {
    "federation_rescue_release_pause": 1,
    "federation_rescue_release_timeout": "60s",
    "federation_rescue_probe": False,
}


@pytest.fixture
def play(ansible_playbook):
    """Runs a playbook of the collection over this host."""

    def run(name, *arguments, **variables):
        here = ("-i", "social.example,", "-c", "local")
        name = f"fediverse.mastodon.{name}"
        return ansible_playbook(name, *here, *arguments, variables=variables, never=["/inbox", TOKEN])

    return run


@pytest.fixture
def dead_domain():
    """An instance all of whose threads but one are held by a server that is gone: its URL and a client."""
    with server.running() as running, running.client() as client:
        processes = situations.SITUATIONS["dead_domain"](client, scale=0.02)
        with heartbeat.kept_alive(client, processes):
            yield running.url, client


def everything(client):
    """All that a server holds, but for what expires or says how an edit went."""
    dump = load_vector.dump(client)
    return {key: entry["value"] for key, entry in dump.items() if entry["ttl_ms"] is None}


def jobs_of(client, domain):
    """How many jobs of a server wait in queues and to be retried."""
    members = [raw for name in client.smembers("queues") for raw in client.lrange(b"queue:" + name, 0, -1)]
    return sum(domain.encode() in raw for raw in [*members, *client.zrange("retry", 0, -1)])


def flat(text):
    """With commands on one line."""
    return text.replace(" \\\n ", "")


def changed(text):
    return int(re.findall(r"^social.example +: .*changed=(\d+)", text, re.MULTILINE)[0])


def run_of(text):
    """The name of the run that a runbook printed."""
    [name] = re.findall(r"^social.example: run (\S+)$", text, re.MULTILINE)
    return name


@contextlib.contextmanager
def beside(step):
    """Takes a step again and again, in a thread."""
    done = threading.Event()

    def go_on():
        while not done.is_set():
            step()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def working(client, fails):
    """A worker that takes the deliveries in push, and lets them succeed or fail."""

    def work():
        raw = client.rpop("queue:push")
        if raw is None:
            time.sleep(0.05)
        elif fails:
            failed = {"error_class": "HTTP::TimeoutError", "failed_at": time.time(), "retry_count": 0}
            client.zadd("retry", {json.dumps({**json.loads(raw), **failed}): time.time() + 60})

    return beside(work)


def redis_that_hangs_up(client, after):
    """Once push is down to so many jobs, nobody else keeps a connection."""

    def hang_up():
        if client.llen("queue:push") <= after:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    return beside(hang_up)


def test_what_it_finds_and_that_looking_changes_nothing(play, dead_domain):
    url, client = dead_domain
    before = everything(client)
    status, text = play("federation_rescue", redis_url=url, federation_rescue_probe_timeout=1)
    assert status == 0, text
    assert re.search(rf"^ +24 +2\d +4\d min  {GONE}$", text, re.MULTILINE), text
    assert re.search(r"^ +60  gone.example$", text, re.MULTILINE), text
    assert "  seen from here: fails at dns: its name cannot be looked up" in text
    assert "  jobs: 140 push" in text and "  errors: 40 HTTP::TimeoutError, 20 HTTP::ConnectionError" in text
    assert f"-> Suspect: {GONE}." in text
    assert re.search(rf"^ansible-playbook .* -e federation_rescue_domains={GONE} --check --diff$", flat(text), re.M), (
        text
    )
    assert changed(text) == 0 and everything(client) == before
    assert not list(pathlib.Path().glob("user/.local"))


def test_quarantine_and_undo(play, dead_domain, tmp_path):
    url, client = dead_domain
    before, waiting = everything(client), jobs_of(client, GONE)
    assert waiting == 140

    both = {**QUARANTINE, "federation_rescue_actions": "quarantine,stop_stuck"}
    status, text = play("federation_rescue", "--check", "--diff", redis_url=url, **both, **QUICK)
    assert status == 0, text
    assert re.search(r"-> Would stop \S+; beside the stuck jobs \d+ others", text.replace("\n  ", "")), text
    assert "-> Would take 140 jobs out (80 of the queues, 60 of the retry set), into an archive." in " ".join(
        text.split()
    )
    assert everything(client) == before and not (tmp_path / "user").exists()

    status, text = play("federation_rescue", redis_url=url, **QUARANTINE, **QUICK, federation_rescue_reason="ticket 42")
    assert status == 0, text
    assert "quarantine: 140 jobs, kept in\n  /" in text and jobs_of(client, GONE) == 0
    assert "Of these servers now 0 jobs wait, and 24 run." in text
    run = run_of(text)
    record = json.loads((tmp_path / f"user/.local/state/fediverse.mastodon/runs/{run}.json").read_text())
    assert (record["reason"], record["steps"][0]["jobs"], record["after"]["waiting"]) == ("ticket 42", 140, 0)
    assert record["ended_at"] and record["before"]["holders"][0]["domain"] == GONE

    taken = everything(client)
    status, text = play("federation_rescue", redis_url=url, **QUARANTINE, **QUICK, federation_rescue_reason="ticket 42")
    assert status == 0, text
    assert "-> There are no jobs of these servers to take out.\n-> Nothing to do." in text
    assert changed(text) == 0 and everything(client) == taken
    assert len(list((tmp_path / "user/.local/state/fediverse.mastodon/runs").iterdir())) == 1, "no second record"

    status, text = play("undo", redis_url=url, run=run)
    assert status == 0, text
    assert everything(client) == before


@pytest.mark.one_core
def test_what_was_taken_out_before_a_failure_is_in_the_record(play, tmp_path):
    with server.running() as running, running.client() as client:
        client.sadd("queues", "push")
        inbox = f"https://{GONE}/inbox"
        for start in range(0, 60_000, 1000):
            jobs = [
                json.dumps({"class": "ActivityPub::DeliveryWorker", "jid": f"{number:024x}", "args": ["{}", 1, inbox]})
                for number in range(start, start + 1000)
            ]
            client.lpush("queue:push", *jobs)
        before = client.lrange("queue:push", 0, -1)
        quick = {**QUARANTINE, **QUICK, "federation_rescue_reason": "ticket 42"}
        with redis_that_hangs_up(client, 55_000):
            status, text = play("federation_rescue", redis_url=running.url, **quick)
        assert status == 2 and "closed the connection" in text, text
        assert client.llen("queue:push") < 60_000
        [path] = (tmp_path / "user/.local/state/fediverse.mastodon/runs").iterdir()
        record = json.loads(path.read_text())
        assert len(record["archives"]) == 1 and record["ended_at"] is None
        status, text = play("undo", redis_url=running.url, run=path.stem)
        assert status == 0, text
        assert "The run did not come to its end" in text
        assert client.lrange("queue:push", 0, -1) == before


def test_release_stops_when_the_canary_fails_and_goes_on_when_it_lives(play, dead_domain):
    url, client = dead_domain
    options = {"redis_url": url, "federation_rescue_reason": "ticket 42", **QUICK}
    others = [raw for raw in client.zrange("retry", 0, -1) if GONE.encode() not in raw]
    retries = 140 - sum(GONE.encode() in raw for raw in client.lrange("queue:push", 0, -1))
    assert play("federation_rescue", **options, **QUARANTINE)[0] == 0

    with working(client, fails=True):
        status, text = play("federation_rescue", **options, **RELEASE)
    assert status == 2, text
    assert re.search(r"Will put 140 jobs back in \d parts, 5 of them as a canary\.", text), text
    assert "5 of the 5 released jobs failed. The rest stays" in " ".join(text.split()), text
    assert jobs_of(client, GONE) == 5

    for raw in client.zrange("retry", 0, -1):
        if b'"failed_at"' in raw and GONE.encode() in raw:
            client.zrem("retry", raw)
    with working(client, fails=False):
        status, text = play("federation_rescue", **options, **RELEASE)
    assert status == 0, text
    assert "Will put 135 jobs back" in text
    assert jobs_of(client, GONE) == retries, "those of the retry set are there until they are due"
    assert [raw for raw in client.zrange("retry", 0, -1) if GONE.encode() not in raw] == others

    status, text = play("federation_rescue", **options, **RELEASE)
    assert status == 0 and "-> Nothing of these servers is in quarantine." in text, text
    assert changed(text) == 0


@pytest.mark.one_core
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run a Debian root")
def test_a_part_is_judged_when_each_of_its_jobs_has_ended(play, tmp_path):
    """Real Sidekiq takes the canary at once, holds it for longer than a heartbeat, and only then fails it."""
    release = RELEASES[-1]
    with open_live(release, tmp_path) as live:
        for number in range(50):
            order = f"lab:timeout {1.6 * release.beat} HTTP::TimeoutError"
            live.judge.push("ActivityPub::DeliveryWorker", "{}", number, f"https://{GONE}/inbox", order)
        options = {"redis_url": live.url, "federation_rescue_reason": "ticket 42", **QUICK}
        assert play("federation_rescue", **options, **QUARANTINE)[0] == 0
        assert jobs_of(live.client, GONE) == 0
        with sidekiq(release, live.url, tmp_path, ["push"], concurrency=50):
            status, text = play("federation_rescue", **options, **RELEASE)
        assert status == 2, text
        assert "5 of the 5 released jobs failed. The rest stays" in " ".join(text.split()), text
        assert jobs_of(live.client, GONE) == live.client.zcard("retry") == 5, "only the canary was released"


def test_a_block_and_its_undo(play, dead_domain, tmp_path):
    url, client = dead_domain
    waiting, api = jobs_of(client, GONE), admin_api.Server(TOKEN)
    api.add("other.example", severity="noop")
    given = {
        "federation_rescue_actions": "block",
        "federation_rescue_domains": [GONE, "other.example"],
        "federation_rescue_block_severity": "suspend",
        "federation_rescue_block_private_comment": "ticket 42",
        "federation_rescue_reason": "ticket 42",
        "federation_rescue_confirm": "block",
        "federation_rescue_api_token": TOKEN,
        "redis_url": url,
        **QUICK,
    }
    with admin_api.running(api) as api_url:
        given["federation_rescue_api_url"] = api_url
        status, text = play("federation_rescue", **given)
        assert status == 2 and "other.example is blocked already: severity is 'noop', not 'suspend'" in text, text
        given["federation_rescue_block_update"] = True

        status, text = play("federation_rescue", "--check", "--diff", **given)
        assert status == 0, text
        said = " ".join(text.split())
        assert f"-> Would block {GONE} with severity suspend: what that cuts does not come back." in said, text
        assert "-> Would block other.example with severity suspend instead of noop" in said, text
        assert {method for method, *_rest in api.requests} == {"GET"}

        status, text = play("federation_rescue", **given)
        assert status == 0, text
        assert f"block: {GONE} (suspend)" in text and jobs_of(client, GONE) == waiting
        assert {block["domain"]: block["severity"] for block in api.blocks} == {
            GONE: "suspend",
            "other.example": "suspend",
        }
        run = run_of(text)
        record = (tmp_path / f"user/.local/state/fediverse.mastodon/runs/{run}.json").read_text()
        assert TOKEN not in record and [step["domain"] for step in json.loads(record)["steps"]] == [
            GONE,
            "other.example",
        ]

        status, text = play("federation_rescue", **given)
        assert status == 0 and changed(text) == 0, text
        assert f"-> {GONE} is blocked so already." in text

        status, text = play("undo", redis_url=url, run=run)
        assert status == 0 and len(api.blocks) == 2, text
        said = " ".join(text.split())
        assert f"Still blocked, as api_token is not given: {GONE}, other.example." in said, text
        assert "What cannot be undone: what a suspend has cut." in said, text

        status, text = play("undo", redis_url=url, run=run, api_token=TOKEN)
        assert status == 0, text
        assert "2 blocks of servers were taken back." in text
        assert [(block["domain"], block["severity"]) for block in api.blocks] == [("other.example", "noop")]

        status, text = play("undo", redis_url=url, run=run, api_token=TOKEN)
        assert status == 0 and changed(text) == 0, text


TOOTCTL = """#!/bin/sh
echo "$*" >> "$0.calls"
cp bin/../../user/.local/state/fediverse.mastodon/runs/*.json "$0.record-$3" 2>/dev/null
case "$*" in
"domains purge --dry-run gone.example") echo "Removed 12 accounts (DRY RUN)"; echo "Removed 1 custom emojis (DRY RUN)" ;;
"domains purge gone.example") printf 'Error processing 7: \\033[31mred\\033[0m\\n'; echo "Removed 12 accounts"; echo "Removed 1 custom emojis" ;;
"domains purge"*) echo "Removed 0 accounts"; echo "Removed 0 custom emojis" ;;
"accounts unfollow a@"*) echo "OK, unfollowed target from 3 accounts" ;;
"accounts unfollow b@"*) printf '|==\\nError processing 1: no\\n==|\\n'; echo "OK, unfollowed target from 1 accounts" ;;
*) echo "OK, unfollowed target from 0 accounts" ;;
esac
"""


@pytest.fixture
def tootctl(tmp_path):
    """What stands in for Mastodon's, and the calls of it; it prints what that one prints."""
    path = tmp_path / "live/bin/tootctl"
    path.parent.mkdir(parents=True)
    path.write_text(TOOTCTL)
    path.chmod(0o755)

    def calls():
        log = path.with_name("tootctl.calls")
        return log.read_text().splitlines() if log.exists() else []

    user = {
        "federation_rescue_mastodon_root": str(tmp_path / "live"),
        "federation_rescue_mastodon_user": getpass.getuser(),
    }
    return {**user, "ansible_become_method": "su"}, calls


def test_what_changes_mastodon_is_only_said_in_check_mode(play, dead_domain, tmp_path, tootctl):
    (url, client), (where, calls) = dead_domain, tootctl
    before = everything(client)
    given = {"federation_rescue_actions": "unfollow,purge", "federation_rescue_confirm": "unfollow,purge", **where}
    given.update(federation_rescue_domains=[GONE, "unknown.example"], federation_rescue_unfollow=[f"a@{GONE}"])
    status, text = play("federation_rescue", "--check", redis_url=url, **given, **QUICK)
    assert status == 0, text
    said = " ".join(text.split())
    assert f"-> Would unfollow a@{GONE}: there is no way back." in said
    assert f"Would purge {GONE}, 12 accounts with all their posts and 1 custom emojis: there is no way back." in said
    assert "Nothing to purge: no account of unknown.example is known here." in said
    assert all("--dry-run" in call for call in calls())
    assert changed(text) == 1 and everything(client) == before and not (tmp_path / "user").exists()


def test_what_tootctl_did_is_read_from_what_it_prints(play, dead_domain, tmp_path, tootctl):
    """It ends with status 0 each time."""
    (url, _client), (where, calls) = dead_domain, tootctl
    given = {"federation_rescue_actions": "unfollow,purge", "federation_rescue_confirm": "unfollow,purge", **where}
    given.update(federation_rescue_domains=[GONE, "unknown.example"], federation_rescue_reason="ticket 42")
    given["federation_rescue_unfollow"] = [f"{name}@{GONE}" for name in "abc"]
    status, text = play("federation_rescue", redis_url=url, **given, **QUICK)
    assert status == 2, text
    said = " ".join(text.split())
    assert f"unfollow: a@{GONE}: 3 accounts no longer follow this account." in said
    assert f"unfollow: b@{GONE}: unfollow failed, 1 accounts failed. It said: Error processing 1: no" in said
    assert f"unfollow: c@{GONE}: unfollow had nothing to do, as nobody here follows this account." in said
    assert (
        f"purge: {GONE}: purge was only partly done: 11 accounts and 1 custom emojis removed, 1 accounts failed."
        in said
    )
    assert "\x1b[31m" not in text and "domains purge unknown.example" not in calls()
    [path] = (tmp_path / "user/.local/state/fediverse.mastodon/runs").glob("*.json")
    record = json.loads(path.read_text())
    names = [f"{name}@{GONE}" for name in "abc"]
    assert [(step["of"], step["outcome"]) for step in record["steps"]] == [
        *(([name], outcome) for name, outcome in zip(names, ("done", "failed", "nothing"))),
        ([GONE], "partial"),
    ]
    assert not any("under_way" in step for step in record["steps"])

    # While it ran, the record named it already: so that is what an interrupted run leaves.
    for name in [*names, GONE]:
        begun = json.loads((tmp_path / f"live/bin/tootctl.record-{name}").read_text())
        assert (begun["steps"][-1]["of"], begun["steps"][-1]["outcome"]) == ([name], "started")
        assert begun["ended_at"] is None
    path.write_text(json.dumps(begun))
    status, text = play("undo", redis_url=url, run=path.stem)
    assert status == 0, text
    said = " ".join(text.split())
    assert f"purge of {GONE} was started, and its end is not recorded: it may have done nothing, a part or all" in said
    assert (
        f"What cannot be undone: a@{GONE}: 3 accounts no longer follow this account. b@{GONE}: unfollow failed" in said
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"federation_rescue_actions": "block", "federation_rescue_domains": GONE},
            "stops no delivery to them",
        ),
        (
            {
                "federation_rescue_actions": "block",
                "federation_rescue_domains": GONE,
                "federation_rescue_confirm": "block",
            },
            "block wants federation_rescue_block_severity, federation_rescue_api_url, federation_rescue_api_token.",
        ),
        ({"federation_rescue_actions": "delete", "federation_rescue_domains": GONE}, "never arrives"),
        (QUARANTINE, "Say why, for the record - federation_rescue_reason."),
    ],
    ids=["block unconfirmed", "block of what severity", "no confirmation", "no reason"],
)
def test_what_is_refused_before_anything_is_read(play, variables, message):
    status, text = play("federation_rescue", redis_url="redis://127.0.0.1:1", **variables)
    assert status == 2
    assert message in " ".join(text.split()) and "Read Sidekiq" not in text, text
