# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sidekiq_process and sidekiq_wait on real Sidekiqs, whose own API is the judge."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.fediverse.mastodon.tests.conformance import process_rounds
from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import RELEASES, sidekiq
from ansible_collections.fediverse.mastodon.tests.redis import modules
from ansible_collections.fediverse.mastodon.tests.redis.waiting import wait_for


def run(live, name, **options):
    return modules.run(name, redis_url=live.url, **options)


def states(result):
    return {job["jid"]: job["outcome"] for one in result["processes"] for job in one["jobs"]}


def test_quiet_then_stopped(live, tmp_path):
    """One process: it is made quiet while it works, waited for, and stopped; each job is accounted for."""
    push = live.judge.push
    with sidekiq(live.release, live.url, tmp_path, ["push", "pull"], 3, env={"LAB_JOURNAL": "1"}) as worker:
        long = push("BackupWorker", 1, "lab:hang")
        short = push("BackupWorker", 2, "lab:sleep 2")
        failing = push("ActivityPub::DeliveryWorker", modules.SECRET, "lab:fail IOError gone")
        wait_for("the short ones ended", 300, lambda: live.client.zcard("retry") and live.client.llen("lab:performed"))
        waiting = push("BackupWorker", 3, "lab:until told")
        wait_for("it has begun", 300, lambda: not live.client.llen("queue:pull"))

        task = {"state": "quiet", "identities": [worker.identity]}
        foreseen = run(live, "sidekiq_process", check_mode=True, **task)
        assert not live.judge.ask("processes")[0]["quiet"]
        done = run(live, "sidekiq_process", **task)
        assert live.judge.ask("processes")[0]["quiet"]
        assert foreseen["matched"] == done["matched"] == [worker.identity]
        assert [one["outcome"] for one in foreseen["processes"] + done["processes"]] == ["quieted", "quieted"]
        assert foreseen["changed"] and done["changed"]
        again = run(live, "sidekiq_process", **task)
        assert (again["changed"], again["processes"][0]["outcome"]) == (False, "unchanged")

        untaken = push("BackupWorker", 4)  # it takes no more
        if live.release is RELEASES[0]:  # which beats twice as often
            until = [{"busy": 1}, {"jid": waiting}]
            assert run(live, "sidekiq_wait", check_mode=True, until=until)["would_wait"]
            live.client.set("told", 1)
            assert run(live, "sidekiq_wait", until=until, interval="0.3s", timeout="300s")["met"]
        live.client.set("told", 1)
        wait_for("it has ended the other one", 300, lambda: live.client.llen("lab:performed") == 2)
        # Until the next heartbeat Redis lists the job that has just ended as running, and nothing is known of it.
        wait_for("its heartbeat says so", 300, lambda: live.client.hget(worker.identity, "busy") == b"1")

        refused = run(live, "sidekiq_process", state="stopped", identities=[worker.identity], max_running=0)
        assert refused["failed"] and "other jobs run in" in refused["msg"]
        foreseen = run(live, "sidekiq_process", check_mode=True, state="stopped", identities=[worker.identity])
        assert modules.account(foreseen) == {"not_known": 1}
        done = run(live, "sidekiq_process", state="stopped", identities=[worker.identity])
        assert worker.process.wait(120) == 0, "it ended by itself"
    assert (done["pushed_back"], done["restored"], done["archive"], done["complete"]) == (1, 0, None, True)
    assert states(done)[long] == "pushed_back"
    assert modules.account(done) == {"pushed_back": 1}
    queue = [json.loads(raw)["jid"] for raw in live.client.lrange("queue:pull", 0, -1)]
    assert queue == [untaken, long], "it runs next"
    assert [json.loads(raw)["jid"] for raw in live.client.zrange("retry", 0, -1)] == [failing]
    assert {short, waiting} == {str(jid, "ascii") for jid in live.client.lrange("lab:performed", 0, -1)}
    again = run(live, "sidekiq_process", state="stopped", identities=[worker.identity])
    assert (again["changed"], again["matched"]) == (False, [])


def test_every_job_of_a_process_that_is_stopped_has_one_outcome(live, tmp_path):
    """Those that end in time and those that are pushed back; and nothing is claimed of them while nobody has waited."""
    live.client.flushdb()
    push = live.judge.push
    with sidekiq(live.release, live.url, tmp_path, ["push", "pull"], 4, env={"LAB_JOURNAL": "1"}, timeout=6) as worker:
        short = push("BackupWorker", 1, "lab:until told")
        long = [push("BackupWorker", number, "lab:sleep 300") for number in (2, 3, 4)]
        wait_for("all four run", 300, lambda: int(live.client.hget(worker.identity, "busy") or 0) == 4)
        options = {"state": "stopped", "identities": [worker.identity], "archive_dir": str(tmp_path / "archives")}
        told = run(live, "sidekiq_process", wait=False, **options)
        assert (told["ran"], modules.account(told)) == (4, {"not_known": 4}), "nobody waited for them"
        live.client.set("told", 1)
        done = run(live, "sidekiq_process", **options)
    outcomes = states(done)
    # The short one ends while Sidekiq waits for it, unless the machine is so busy that Sidekiq gives up before.
    assert {outcomes[jid] for jid in long} == {"pushed_back"}
    assert outcomes.get(short, "finished") in ("finished", "pushed_back")
    assert done["ran"] == sum(modules.account(done).values()) == len(outcomes)


def test_waiting_says_what_it_waits_for(live):
    live.client.flushdb()
    jid = live.judge.push("BackupWorker", 1)
    checked = run(live, "sidekiq_wait", check_mode=True, until=[{"queue": "pull", "size": 0}, {"jid": jid}])
    assert checked["would_wait"] and not checked["met"] and not checked["changed"]
    assert [one["observed"] for one in checked["conditions"]] == [1, "queue:pull"]
    late = run(live, "sidekiq_wait", until=[{"queue": "pull", "size": 0}], timeout="0.5s", interval="0.2s")
    assert late["failed"] and "size of queue pull: 1, wanted at most 0" in late["msg"]
    assert late["elapsed"] >= 0.5 and late["conditions"][0]["left"] == 1
    unserved = run(live, "sidekiq_wait", until=[{"processes": 1, "queue": "pull"}], timeout="0s")
    assert "processes of queue pull: 0, wanted at least 1" in unserved["msg"]
    gone = run(live, "sidekiq_wait", until=[{"gone": "a:1:b"}, {"schedule_moving": True}, {"set": "retry", "due": 0}])
    assert gone["met"] and not gone["would_wait"]
    live.client.zadd("dead", {json.dumps({"jid": "0" * 24, "class": "A", "args": []}): time.time()})
    dead = run(live, "sidekiq_wait", until=[{"jid": "0" * 24}])
    assert dead["failed"] and "is dead, so it will not finish" in dead["msg"]
    live.client.zadd("schedule", {json.dumps({"jid": "1" * 24, "class": "A", "args": []}): time.time() - 90})
    stuck = run(live, "sidekiq_wait", check_mode=True, until=[{"schedule_moving": True}])
    assert stuck["would_wait"] and stuck["conditions"][0]["observed"] == "1 overdue"


def test_killed_processes_lose_no_job(tmp_path):
    """./dev soak does it a hundred times. One that is killed in the usual way shows that there is something to lose."""
    with ThreadPoolExecutor(1) as beside:
        usual = beside.submit(process_rounds.round_, RELEASES[0], tmp_path, 1, plainly=True)
        sums = process_rounds.rounds(4, tmp_path)
        assert usual.result().lost > 0
    assert [one.kills for one in sums.values()] == [2, 2]
    for version, one in sums.items():
        assert one.lost == 0, version
        assert one.restored > 0, version
        assert one.twice <= one.restored
