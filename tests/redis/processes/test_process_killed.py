# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""We are killed while we kill a process: at every point, each job runs there, or waits once, or is in an archive that is restored once."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import threading
import time
from collections import Counter
from unittest import mock

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation import kernel
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes import stop as process_stop
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.reader import Archive
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import killed_jobs
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit.killed_jobs import STOPS
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption, SidekiqError
from ansible_collections.fediverse.mastodon.tests.redis import stand_in, victim
from ansible_collections.fediverse.mastodon.tests.redis.intents import restore
from ansible_collections.fediverse.mastodon.tests.redis.modules import account
from ansible_collections.fediverse.mastodon.tests.redis.process_task import change

WORKS = [stand_in.work("a" * 24), stand_in.work("b" * 24, seconds=50), stand_in.work("c" * 24, queue="push")]
INFO = {"tag": "live", "concurrency": 5, "queues": ["pull", "push"]}
JIDS = {letter * 24 for letter in "abc"}
POINTS = {"redis": 16, "valkey": 4}
"""How many, evenly spread: a server makes no difference but to the commands it takes."""


@dataclasses.dataclass(frozen=True)
class Stop:
    """For victim: the module, with its options."""

    client: object
    options: dict

    def run(self):
        self.client.connection_pool.reset()
        return change(self.client, **self.options)


def task(client, identity, directory, **options):
    given = {"state": "stopped", "identities": [identity], "signal": "KILL", "archive_dir": str(directory)}
    return Stop(client, {**given, **options})


def waiting(client):
    """How often each job waits in a queue."""
    members = [raw for queue in ("pull", "push") for raw in client.lrange(f"queue:{queue}", 0, -1)]
    return Counter(json.loads(raw)["jid"] for raw in members)


def rest(client):
    return [key for key in client.keys("fediverse*") if b":restored:" not in key and b":taken:" not in key]


def once(client):
    return waiting(client) == Counter(JIDS)


def points(client, directory):
    with stand_in.running(client, INFO, WORKS) as (identity, _process):
        end = victim.run(task(client, identity, directory))
    assert end.result["restored"] == len(JIDS)
    return end.points


def test_at_every_point_running_again_ends_it(scratch_redis, tmp_path):
    count = POINTS["valkey" if scratch_redis.info("server").get("valkey_version") else "redis"]
    total, killed_before = points(scratch_redis, tmp_path), 0
    assert total > 30
    for point in range(1, total, total // count):
        scratch_redis.flushall()
        with stand_in.running(scratch_redis, INFO, WORKS) as (identity, process):
            directory = tmp_path / str(point)
            stop = task(scratch_redis, identity, directory)
            if victim.run(stop, at_point=point).result is not None:
                break  # it had less to wait for
            killed_before += process.poll() is not None
            if process.poll() is None:
                assert not waiting(scratch_redis), "it still runs them"
            change(scratch_redis, **stop.options)
            assert process.poll() is not None or process.wait(120) is not None
            assert once(scratch_redis), f"point {point}: {waiting(scratch_redis)}"
            assert not change(scratch_redis, **stop.options)["changed"]
            assert once(scratch_redis)
            assert not rest(scratch_redis)
            assert not scratch_redis.smembers("processes")
            for archive in directory.glob("*.gz"):
                assert is_damaged(archive) or restore(scratch_redis, str(archive), 1.0)["restored"] == 0
            assert once(scratch_redis)
    assert killed_before > 0


def is_damaged(path):
    try:
        Archive(str(path))
    except BadOption:
        return True
    return False


def test_killed_after_the_kill_the_archive_alone_restores_once(scratch_redis, tmp_path):
    """Nobody runs the task again; those that wait already, as Sidekiq pushed them back, are left out."""
    total = points(scratch_redis, tmp_path / "first")
    for point in range(total - 2, 0, -total // 12):
        scratch_redis.flushall()
        directory = tmp_path / str(point)
        with stand_in.running(scratch_redis, INFO, WORKS) as (identity, process):
            victim.run(task(scratch_redis, identity, directory), at_point=point)
            if process.poll() is None:
                return
            for archive in directory.glob("*.gz"):
                restore(scratch_redis, str(archive), 1.0)
                assert once(scratch_redis), point
                assert restore(scratch_redis, str(archive), 1.0)["restored"] == 0
            assert once(scratch_redis), point
    raise AssertionError("it was never killed before the kill")


def test_check_mode_tells_what_ending_an_earlier_stop_will_do(scratch_redis, tmp_path, monkeypatch):
    """It was begun and not ended; one job was pushed back meanwhile."""
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, _process):
        stop = task(scratch_redis, identity, tmp_path)
        with monkeypatch.context() as patched:
            patched.setattr(process_stop, "settle", mock.Mock(side_effect=SidekiqError("died")))
            with pytest.raises(SidekiqError, match="died"):
                change(scratch_redis, **stop.options)
        scratch_redis.lpush("queue:pull", WORKS[0]["payload"])
        foreseen = change(scratch_redis, True, **stop.options)
        done = change(scratch_redis, **stop.options)
    assert {**foreseen, "duration": 0} == {**done, "duration": 0}
    assert (done["changed"], done["restored"], done["pushed_back"]) == (True, 2, 1)
    assert once(scratch_redis)


@contextlib.contextmanager
def interrupted(client, directory, monkeypatch):
    """The identity of a process that was killed by a run that died before it restored the jobs."""
    with stand_in.running(client, INFO, WORKS) as (identity, _process):
        with monkeypatch.context() as patched:
            patched.setattr(process_stop, "settle", mock.Mock(side_effect=SidekiqError("died")))
            with pytest.raises(SidekiqError, match="died"):
                change(client, **task(client, identity, directory).options)
        assert not waiting(client)
        yield identity


def elsewhere(client, identity, **more):
    """Say that a stop was begun on another host, or before the last boot."""
    client.hset(STOPS, identity, json.dumps({**json.loads(client.hget(STOPS, identity)), "pid_space": "other", **more}))


def test_a_host_that_was_renamed_meanwhile_ends_its_stop(scratch_redis, tmp_path, monkeypatch):
    with interrupted(scratch_redis, tmp_path, monkeypatch):
        monkeypatch.setattr(socket, "gethostname", lambda: "renamed")
        assert change(scratch_redis, state="absent")["restored"] == 3
    assert once(scratch_redis)


def test_another_host_of_the_same_name_leaves_the_stop_alone(scratch_redis, tmp_path, monkeypatch):
    with interrupted(scratch_redis, tmp_path, monkeypatch) as identity:
        elsewhere(scratch_redis, identity, archive=str(tmp_path / "there.gz"))
        stops = scratch_redis.hgetall(STOPS)
        for check_mode in (True, False):
            result = change(scratch_redis, check_mode, state="absent")
            assert (result["changed"], result["warnings"], result["ran"]) == (False, [], 0)
        assert scratch_redis.hgetall(STOPS) == stops


def test_a_stop_whose_run_still_works_is_left_to_it(scratch_redis, tmp_path, monkeypatch):
    """The process runs on until that run kills it, which must find its archive and restore the jobs."""
    kept = []
    monkeypatch.setattr(process_stop, "_await_death", mock.Mock(side_effect=lambda *_all: kept.append(later())))

    def later():
        [archive] = tmp_path.glob("*.gz")
        result = change(scratch_redis, state="absent")
        return result["changed"], result["warnings"], archive.exists(), scratch_redis.hlen(STOPS)

    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, process):
        assert change(scratch_redis, **task(scratch_redis, identity, tmp_path).options)["restored"] == 3
        assert process.wait(120) is not None
    assert kept == [(False, [], True, 1)]
    assert once(scratch_redis)


def test_after_a_reboot_a_stop_is_ended_once_the_heartbeat_has_expired(scratch_redis, tmp_path, monkeypatch):
    """The pid and its start belong to the boot before, so only the heartbeat tells that the process is gone."""
    with interrupted(scratch_redis, tmp_path, monkeypatch) as identity:
        elsewhere(scratch_redis, identity)
        for check_mode in (True, False):
            assert not change(scratch_redis, check_mode, state="stopped", identities=[])["changed"]
        assert scratch_redis.hlen(STOPS) == 1
        scratch_redis.delete(identity)
        foreseen, done = (
            change(scratch_redis, check_mode, state="stopped", identities=[]) for check_mode in (True, False)
        )
    assert foreseen["restored"] == done["restored"] == 3
    assert once(scratch_redis)


def test_an_archive_that_is_about_another_process_is_not_touched(scratch_redis, tmp_path, monkeypatch):
    """Whoever can write to Redis must not choose which file on this host goes."""
    with interrupted(scratch_redis, tmp_path, monkeypatch) as identity:
        stop = json.loads(scratch_redis.hget(STOPS, identity))
        others = {"ticks": kernel.start_ticks(os.getpid()), "pid": os.getpid()}
        scratch_redis.delete(STOPS)
        scratch_redis.hset(STOPS, "host:1:abc", json.dumps({**stop, **others}))
        change(scratch_redis, state="stopped", identities=[])
        assert os.path.exists(stop["archive"])


@pytest.mark.parametrize(
    "wrong", [{"ticks": "7"}, {"pid": [1]}, {"archive": 1}, {"fate": ["restore"]}, {"pid_space": None}]
)
def test_a_stop_that_nobody_of_us_wrote_is_left_out(wrong, scratch_redis):
    stop = {"archive": "/nowhere/a.gz", "fate": "restore", "pid_space": kernel.pid_space(), "ticks": 7, "pid": 9}
    scratch_redis.hset(STOPS, mapping={"a:9:b": json.dumps({**stop, **wrong}), "b:9:c": "[" * 100_000})
    assert not change(scratch_redis, state="absent")["changed"]


@pytest.mark.parametrize("identity", ["{host}:9:000000000000", "no-colons"])
@pytest.mark.parametrize(
    ("archive", "words"),
    [("gone.gz", "is not there any more"), ("damaged.gz", "is no gzip"), ("damaged.gz/x", "any more")],
)
def test_a_stop_whose_archive_is_of_no_use_is_given_up(identity, archive, words, scratch_redis, tmp_path):
    (tmp_path / "damaged.gz").write_bytes(b"damaged")
    identity = identity.format(host=socket.gethostname())
    stop = {
        "archive": str(tmp_path / archive),
        "fate": "restore",
        "pid_space": kernel.pid_space(),
        "ticks": 7,
        "pid": 9,
    }
    scratch_redis.hset(STOPS, identity, json.dumps({"identity": identity, **stop}))
    foreseen = change(scratch_redis, True, state="absent")
    assert scratch_redis.hexists(STOPS, identity)
    done = change(scratch_redis, state="absent")
    assert {**foreseen, "duration": 0} == {**done, "duration": 0}
    [warning] = done["warnings"]
    assert done["changed"] and all(part in warning for part in (identity, str(tmp_path / archive), words))
    assert not change(scratch_redis, state="absent")["changed"]


def test_a_stop_whose_archive_belongs_to_another_user_is_kept(scratch_redis, tmp_path, monkeypatch):
    stop = {"archive": str(tmp_path / "a.gz"), "fate": "restore", "pid_space": kernel.pid_space(), "ticks": 7, "pid": 9}
    scratch_redis.hset(STOPS, "a:9:b", json.dumps({"identity": "a:9:b", **stop}))
    monkeypatch.setattr(killed_jobs, "open_regular", mock.Mock(side_effect=PermissionError(13, "Permission denied")))
    for check_mode in (True, False):
        with pytest.raises(SidekiqError, match=r"a\.gz of the stop of a:9:b.*Permission denied.*the same user"):
            change(scratch_redis, check_mode, state="absent")
    assert scratch_redis.hexists(STOPS, "a:9:b")


@pytest.mark.parametrize("queue", ["pull", "push"])
def test_two_jobs_with_one_jid_come_back_both(queue, scratch_redis, tmp_path):
    works = [stand_in.work("a" * 24), stand_in.work("a" * 24, queue=queue)]
    with stand_in.running(scratch_redis, INFO, works) as (identity, _process):
        stop = task(scratch_redis, identity, tmp_path)
        foreseen, done = (change(scratch_redis, check_mode, **stop.options) for check_mode in (True, False))
    assert foreseen["restored"] == done["restored"] == 2
    assert waiting(scratch_redis) == Counter({"a" * 24: 2})


def test_of_two_jobs_with_one_jid_one_was_pushed_back(scratch_redis, tmp_path):
    works = [stand_in.work("a" * 24), stand_in.work("a" * 24)]
    scratch_redis.rpush("queue:pull", works[0]["payload"])
    with stand_in.running(scratch_redis, INFO, works) as (identity, _process):
        result = change(scratch_redis, **task(scratch_redis, identity, tmp_path).options)
    assert (result["restored"], result["pushed_back"]) == (1, 1)
    assert sorted(job["outcome"] for job in result["processes"][0]["jobs"]) == ["pushed_back", "restored"]
    assert waiting(scratch_redis) == Counter({"a" * 24: 2})


def test_killed_between_two_queues_both_of_one_jid_come_back_once(scratch_redis, tmp_path):
    works = [stand_in.work("a" * 24), stand_in.work("a" * 24, queue="push")]
    for _time in range(2):  # the second time all scripts are loaded
        scratch_redis.flushall()
        with stand_in.running(scratch_redis, INFO, works) as (identity, _process):
            total = victim.run(task(scratch_redis, identity, tmp_path)).points
    back = []
    for point in range(total - 1, 0, -1):
        scratch_redis.flushall()
        with stand_in.running(scratch_redis, INFO, works) as (identity, _process):
            stop = task(scratch_redis, identity, tmp_path / str(point))
            victim.run(stop, at_point=point)
            back.append(waiting(scratch_redis).total())
            change(scratch_redis, **stop.options)
            assert waiting(scratch_redis) == Counter({"a" * 24: 2}), point
        if not back[-1]:
            break
    assert 1 in back


def test_what_is_no_job_is_not_counted(scratch_redis, tmp_path):
    works = [WORKS[0], {**WORKS[1], "payload": "no JSON"}]
    with stand_in.running(scratch_redis, INFO, works) as (identity, _process):
        stop = task(scratch_redis, identity, tmp_path)
        foreseen, done = (change(scratch_redis, check_mode, **stop.options) for check_mode in (True, False))
    assert foreseen["restored"] == done["restored"] == 1
    for result in (foreseen, done):
        assert (result["ran"], account(result)) == (2, {"restored": 1, "not_known": 1})
        assert sorted(job["outcome"] for job in result["processes"][0]["jobs"]) == ["not_known", "restored"]


def test_dropped_jobs_come_back_from_the_archive_once(scratch_redis, tmp_path):
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, _process):
        result = change(scratch_redis, **task(scratch_redis, identity, tmp_path, lost_jobs="drop").options)
        assert (result["lost"], result["restored"], result["complete"]) == (3, 0, False)
        assert (result["ran"], account(result)) == (3, {"lost": 3})
        assert not waiting(scratch_redis)
        assert restore(scratch_redis, result["archive"], 1.0)["restored"] == 3
        assert restore(scratch_redis, result["archive"], 1.0)["already_restored"] == 3
        assert once(scratch_redis)


def test_dead_jobs_are_in_the_dead_set_and_nowhere_else(scratch_redis, tmp_path):
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, _process):
        result = change(scratch_redis, **task(scratch_redis, identity, tmp_path, lost_jobs="dead").options)
        assert (result["lost"], result["restored"]) == (3, 0)
        assert {json.loads(raw)["jid"] for raw in scratch_redis.zrange("dead", 0, -1)} == JIDS
        assert restore(scratch_redis, result["archive"], 1.0)["restored"] == 0
        assert not waiting(scratch_redis)


def test_what_is_found_elsewhere_is_not_restored(scratch_redis, tmp_path):
    """Pushed back by Sidekiq with the same bytes, failed with others, and run by another process."""
    [pushed, failed, other] = [json.loads(one["payload"]) for one in WORKS]
    scratch_redis.rpush("queue:pull", WORKS[0]["payload"])
    scratch_redis.zadd("retry", {json.dumps({**failed, "retry_count": 0, "error_class": "E"}): 1e10})
    scratch_redis.sadd("processes", "other:1:abc")
    scratch_redis.hset("other:1:abc", mapping={"info": json.dumps(INFO), "beat": "1", "busy": 1})
    scratch_redis.hset("other:1:abc:work", "t", json.dumps(WORKS[2]))
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, _process):
        result = change(scratch_redis, **task(scratch_redis, identity, tmp_path).options)
    assert (result["restored"], result["pushed_back"], result["retried"], result["lost"]) == (0, 2, 1, 0)
    assert (result["ran"], account(result)) == (3, {"pushed_back": 2, "retried": 1})
    assert {job["jid"]: job["outcome"] for job in result["processes"][0]["jobs"]} == {
        pushed["jid"]: "pushed_back",
        failed["jid"]: "retried",
        other["jid"]: "pushed_back",
    }
    assert waiting(scratch_redis) == Counter([pushed["jid"]])


def test_it_says_that_a_process_did_not_beat(scratch_redis, tmp_path):
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, _process):
        result = change(scratch_redis, **task(scratch_redis, identity, tmp_path).options)
    assert not result["complete"]
    [warning] = result["warnings"]
    assert "has not beaten since" in warning


def test_they_run_next_the_longest_first(scratch_redis, tmp_path):
    scratch_redis.lpush("queue:pull", b"x", b"y")
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, _process):
        change(scratch_redis, **task(scratch_redis, identity, tmp_path).options)
    pull = scratch_redis.lrange("queue:pull", 0, -1)
    assert [json.loads(raw)["jid"][0] for raw in pull[:1:-1]] == ["a", "b"]
    assert pull[:2] == [b"y", b"x"]


def test_what_is_refused_touches_nothing(scratch_redis, tmp_path):
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, process):
        before = {key: scratch_redis.dump(key) for key in scratch_redis.scan_iter()}
        refused = [
            ({"identities": [identity], "max_running": 2}, "3 other jobs run in"),
            ({"identities": [identity], "running": {"jids": ["a" * 24]}, "max_running": 1}, "2 other jobs run in"),
            ({"max_running": -1}, "max_running cannot be below 0"),
            ({"identities": None}, "No condition is given"),
            ({"identities": None, "running": {}}, "running is empty"),
            ({"state": "quiet"}, "signal: KILL belongs to state: stopped"),
            ({"state": "absent", "signal": "TERM"}, "is no ghost"),
            ({"state": "absent", "signal": "TERM", "queues": ["pull"]}, "does not take queues"),
            ({"state": "absent", "signal": "TERM", "queues": []}, "does not take queues"),
            ({"wait_timeout": "soon"}, "wait_timeout: 'soon' is no span of time"),
        ]
        for options, words in refused:
            with pytest.raises(SidekiqError, match=words):
                change(scratch_redis, **task(scratch_redis, identity, tmp_path, **options).options)
        with pytest.raises(SidekiqError, match=r"does not run on this host"):
            scratch_redis.sadd("processes", "elsewhere:1:abc")
            scratch_redis.hset("elsewhere:1:abc", mapping={"info": json.dumps(INFO), "beat": "1", "busy": 0})
            change(scratch_redis, **task(scratch_redis, "elsewhere:1:abc", tmp_path).options)
        assert all(scratch_redis.dump(key) == value for key, value in before.items() if key != b"processes")
        assert process.poll() is None
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("directory", ["file/x", "/proc/x"])
def test_where_no_archive_can_be_written_nothing_is_touched(directory, check_mode, scratch_redis, tmp_path):
    (tmp_path / "file").touch()
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, process):
        told = mock.patch.object(process_stop.os, "kill")
        with told as kill, pytest.raises(SidekiqError, match=r"^No archive can be written to .* Nothing was touched\."):
            change(scratch_redis, check_mode, **task(scratch_redis, identity, tmp_path / directory).options)
        kill.assert_not_called()
        assert process.poll() is None


def test_check_mode_makes_no_directory(scratch_redis, tmp_path):
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, _process):
        assert change(scratch_redis, True, **task(scratch_redis, identity, tmp_path / "a" / "b").options)["changed"]
    assert not list(tmp_path.iterdir())


def test_an_archive_that_fails_later_leaves_the_process_quiet_and_says_so(scratch_redis, tmp_path, monkeypatch):
    directory, send_tstp = tmp_path / "archives", process_stop.send_tstp

    def quiet_and_fill(*arguments):
        directory.rmdir()
        directory.touch()
        return send_tstp(*arguments)

    monkeypatch.setattr(process_stop, "send_tstp", quiet_and_fill)
    progress = {}
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, process):
        stop = task(scratch_redis, identity, directory)
        with pytest.raises(SidekiqError, match=r"cannot be written: .* was not killed; it is quiet now"):
            change(scratch_redis, progress=progress, **stop.options)
        assert process.poll() is None
        assert (progress["changed"], progress["processes"][0]["outcome"]) == (True, "quieted")
        assert not rest(scratch_redis)


@pytest.mark.parametrize("condition", [{"identities": []}, {"running": {"domains": [], "longer_than": "0s"}}])
def test_an_empty_list_means_no_process(condition, scratch_redis, tmp_path):
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, process):
        here = {"hostnames": [identity.partition(":")[0]], "identities": None}
        result = change(scratch_redis, **task(scratch_redis, identity, tmp_path, **{**here, **condition}).options)
        assert (result["changed"], result["matched"]) == (False, [])
        assert process.poll() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees every process of a host")
def test_the_jobs_of_one_that_died_by_itself_are_restored(scratch_redis, tmp_path):
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, process):
        process.kill()
        process.wait(120)
        result = change(scratch_redis, **task(scratch_redis, identity, tmp_path).options)
        assert (result["restored"], result["complete"]) == (3, False)
        assert "had ended already" in result["warnings"][0]
        assert once(scratch_redis)
        assert not change(scratch_redis, **task(scratch_redis, identity, tmp_path).options)["changed"]


@contextlib.contextmanager
def when_it_waits(step):
    """Take a step when the module waits for a process: by then it has read what runs, however long that took."""
    steps = [step]

    def pause(seconds):
        while steps:
            steps.pop()()
        time.sleep(seconds)

    with mock.patch.object(process_stop, "time", mock.Mock(wraps=time, sleep=pause)):
        yield
    assert not steps, "it did not wait"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees every process of a host")
def test_one_that_is_not_there_but_beats_is_left_alone(scratch_redis, tmp_path):
    """It runs in a container that has the name of the host."""
    with stand_in.running(scratch_redis, INFO, WORKS, silent=1) as (identity, process):
        process.kill()
        process.wait(120)
        with (
            when_it_waits(lambda: scratch_redis.hset(identity, "beat", repr(time.time()))),
            pytest.raises(SidekiqError, match="beats but has no such pid on this host"),
        ):
            change(scratch_redis, **task(scratch_redis, identity, tmp_path).options)
        assert not waiting(scratch_redis)
        assert scratch_redis.sismember("processes", identity)


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_one_that_signs_off_meanwhile_has_lost_nothing(signal, scratch_redis, tmp_path):
    """Somebody else has stopped it: it pushed back one job and finished the others."""
    with stand_in.running(scratch_redis, INFO, WORKS, silent=1) as (identity, process):

        def sign_off():
            scratch_redis.rpush("queue:pull", WORKS[0]["payload"])
            scratch_redis.srem("processes", identity)
            scratch_redis.unlink(f"{identity}:work")
            process.kill()

        with when_it_waits(sign_off):
            result = change(scratch_redis, **task(scratch_redis, identity, tmp_path, signal=signal).options)
    assert (result["pushed_back"], result["completed"], result["restored"]) == (1, 2, 0)
    assert waiting(scratch_redis) == Counter(["a" * 24])
    assert result["archive"] is None


def test_one_that_is_told_to_stop_and_dies_of_it_loses_nothing(scratch_redis, tmp_path):
    """By the time-out of systemd, say, before it could push back what it ran."""
    with stand_in.running(scratch_redis, INFO, WORKS, silent=1) as (identity, process):
        with when_it_waits(process.kill):
            result = change(scratch_redis, **task(scratch_redis, identity, tmp_path, signal="TERM").options)
        assert scratch_redis.lrange(f"{identity}-signals", 0, -1) == [b"TERM"]
    assert (result["restored"], result["complete"]) == (3, False)
    assert once(scratch_redis)


def test_without_waiting_it_leaves_the_signal_and_says_no_more(scratch_redis, tmp_path):
    with stand_in.running(scratch_redis, INFO, WORKS, silent=1) as (identity, process):
        options = task(scratch_redis, identity, tmp_path, signal="TERM", wait=False).options
        assert change(scratch_redis, **options)["changed"]
        assert not change(scratch_redis, **options)["changed"]
        assert process.poll() is None
        with pytest.raises(SidekiqError, match=r"still runs after 0.3 s. It last beat \d+ s ago and runs 3 jobs"):
            change(scratch_redis, **{**options, "wait": True, "wait_timeout": "0.3s"})
        with pytest.raises(SidekiqError, match=r"has not said within 0.3 s what it runs, so it was not killed"):
            change(scratch_redis, **{**options, "signal": "KILL", "wait_timeout": "0.3s"})
        with pytest.raises(SidekiqError, match=r"is not quiet after 0.3 s"):
            change(scratch_redis, **{**options, "state": "quiet", "wait": True, "wait_timeout": "0.3s"})
        assert process.poll() is None


def test_jobs_were_pushed_back_though_a_last_heartbeat_names_none(scratch_redis, tmp_path):
    """Between pushing back and signing off Sidekiq may send one more heartbeat, which no longer has the jobs."""
    with stand_in.running(scratch_redis, INFO, WORKS, silent=0.0) as (identity, _process):

        def end():
            while not scratch_redis.llen(f"{identity}-signals"):
                time.sleep(0.01)
            time.sleep(1.0)  # its running jobs were seen
            for job in WORKS:
                scratch_redis.rpush(f"queue:{job['queue']}", job["payload"])
            scratch_redis.hset(identity, mapping={"busy": 0, "quiet": "true", "beat": repr(time.time())})
            scratch_redis.delete(f"{identity}:work")
            time.sleep(1.0)  # this was seen, too
            scratch_redis.srem("processes", identity)

        ending = threading.Thread(target=end)
        ending.start()
        result = change(scratch_redis, state="stopped", identities=[identity], archive_dir=str(tmp_path))
        ending.join()
    assert (result["pushed_back"], result["lost"], result["completed"]) == (3, 0, 0)
    assert [job["outcome"] for job in result["processes"][0]["jobs"]] == ["pushed_back"] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make namespaces")
def test_a_process_in_a_container_is_killed_by_its_pid_on_this_host(scratch_redis, tmp_path):
    with stand_in.running(scratch_redis, INFO, WORKS, box="7207be031381") as (identity, process):
        assert identity.startswith("7207be031381:1:")
        result = change(scratch_redis, **task(scratch_redis, identity, tmp_path).options)
        assert process.wait(10) is not None
    assert (result["restored"], result["lost"]) == (3, 0)
    assert once(scratch_redis)


def test_a_process_of_a_renamed_host_is_not_killed_on_a_guess(scratch_redis, tmp_path, monkeypatch):
    """It has our pid and start, but does not show in Redis that it became quiet: it may be another one."""
    monkeypatch.setattr(
        "ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.kernel.parse_title", _titled
    )
    with stand_in.running(scratch_redis, INFO, WORKS) as (identity, process):
        other = identity.replace(socket.gethostname(), "former-name")
        info = json.loads(scratch_redis.hget(identity, "info"))
        scratch_redis.rename(identity, other)
        scratch_redis.rename(f"{identity}:work", f"{other}:work")
        scratch_redis.srem("processes", identity)
        scratch_redis.sadd("processes", other)
        scratch_redis.hset(other, "info", json.dumps({**info, "hostname": "former-name", "identity": other}))
        with pytest.raises(SidekiqError, match="may be two processes.*Nothing was killed"):
            change(scratch_redis, **task(scratch_redis, other, tmp_path).options)
        assert process.poll() is None


def _titled(command):
    return kernel.Title("7.3.2", "live", 3, 5, False) if command.startswith("ruby\0-c\0") else None
