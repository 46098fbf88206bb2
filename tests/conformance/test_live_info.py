# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live Sidekiq at work, seen by its own Ruby API and by sidekiq_info: the same figures.

The processes are frozen while the two look, so equal means equal; only what ages is compared as lying between a look
of Ruby before and one after ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import Live, Sidekiq, sidekiq
from ansible_collections.fediverse.mastodon.tests.redis.waiting import wait_for

SECTIONS = ["totals", "queues", "sets", "processes", "busy"]
SAME_FIELDS = ("hostname", "pid", "tag", "concurrency", "busy", "quiet", "queues", "labels", "rtt_us", "version")
ROUNDING = 0.002  # seconds; ages and moments are returned in whole milliseconds
DONE, RETRIED, DEAD, HANGING, LATE = 5, 3, 2, 5, 3
THREADS = 3


@dataclass(frozen=True)
class Looks:
    """What was seen of one and the same state: by Ruby, by sidekiq_info, and by Ruby again."""

    before: Any
    ours: Any
    after: Any
    keys_before: dict[bytes, bytes]
    keys_after: dict[bytes, bytes]
    at_work: Sidekiq
    quiet: Sidekiq
    ghost: Sidekiq


@pytest.fixture(scope="module")
def looks(live: Live) -> Iterator[Looks]:
    with contextlib.ExitStack() as running:

        def start(tag: str, concurrency: int, *queues: str) -> Sidekiq:
            return running.enter_context(sidekiq(live.release, live.url, live.directory, queues, concurrency, tag))

        enqueue(live)
        at_work = start("federation", THREADS, "push,2", "ingress,1")
        quiet = start("mastodon", 2, "default", "pull")
        ghost = start("fasp", 1, "fasp")
        wait_for("all jobs of default and pull are done", 300, lambda: all_done(live))
        quiet.signal(signal.SIGTSTP)
        ghost.kill()
        wait_for("heartbeats tell of it", 300, lambda: told(live, at_work, quiet))
        for process in (at_work, quiet):
            process.freeze()  # from here on nobody cleans up after the ghost
        live.client.unlink(ghost.identity, f"{ghost.identity}:work", f"{ghost.identity}:workers")  # as after 60 s
        enqueue_late(live)
        keys_before = dump(live)
        before = live.judge.ask("snapshot")
        ours = sidekiq_info(live)
        after = live.judge.ask("snapshot")
        yield Looks(before, ours, after, keys_before, dump(live), at_work, quiet, ghost)


def enqueue(live: Live) -> None:
    live.client.hset(
        "lab:orders",
        mapping={
            "ActivityPub::DeliveryWorker": "hang",
            "ActivityPub::ProcessingWorker": "hang",
            "BackupWorker": "fail Errno::ENOSPC while writing the archive",
            "LinkCrawlWorker": "fail ActiveRecord::RecordNotFound Couldn't find Status",
        },
    )
    for number in range(DONE):
        live.judge.push("FeedInsertWorker", number, 102, "home", {})
    for number in range(RETRIED):
        live.judge.push("BackupWorker", number)
    for number in range(DEAD):
        live.judge.push("LinkCrawlWorker", number)
    for number in range(HANGING):
        inbox = f"https://host{number}.example/inbox"
        live.judge.push("ActivityPub::DeliveryWorker", "{}", 101, inbox, {})
    live.judge.push("ActivityPub::ProcessingWorker", 7, '{"actor": "https://actor.example/users/a"}', None, "Account")
    live.judge.push("Scheduler::VacuumScheduler")
    for days in (1, 2):
        live.judge.push("PollExpirationNotifyWorker", days, at=time.time() + days * 86400)


def enqueue_late(live: Live) -> None:
    """What comes in when nobody takes it any more: jobs for a quiet process, and a scheduled one that becomes due."""
    for number in range(LATE):
        live.judge.push("FeedInsertWorker", 1000 + number, 102, "home", {})
    now = time.time()
    job: dict[str, Any] = {"class": "PublishScheduledStatusWorker", "args": [1], "at": now - 60, "clock": now - 120}
    live.judge.ask("push", **job)


def all_done(live: Live) -> bool:
    waiting = live.client.llen("queue:default") + live.client.llen("queue:pull")
    return not waiting and (live.client.zcard("retry"), live.client.zcard("dead")) == (RETRIED, DEAD)


def told(live: Live, at_work: Sidekiq, quiet: Sidekiq) -> bool:
    busy, is_quiet = live.client.hget(at_work.identity, "busy"), live.client.hget(quiet.identity, "quiet")
    processed = int(live.client.get("stat:processed") or 0)
    return (busy, is_quiet, processed) == (str(THREADS).encode(), b"true", DONE + RETRIED + DEAD)


def dump(live: Live) -> dict[bytes, bytes]:
    return {key: live.client.dump(key) or b"" for key in live.client.scan_iter(count=1000)}


def sidekiq_info(live: Live) -> Any:
    """The module as a user runs it."""
    options = json.dumps({"redis_url": live.url, "sections": SECTIONS})
    command = [sys.executable, "-m", "ansible", "adhoc", "-i", "localhost,", "-c", "local", "localhost"]
    command += ["-e", json.dumps({"ansible_python_interpreter": sys.executable})]
    command += ["-m", "fediverse.mastodon.sidekiq_info", "-a", options]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(live.directory / "ansible")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    head, arrow, body = done.stdout.partition("=> ")
    assert done.returncode == 0 and arrow, f"{done.stdout}\n{done.stderr}"
    assert head.startswith("localhost | SUCCESS")
    return json.loads(body)


def by(name: str, rows: list[Any]) -> dict[Any, Any]:
    found = {row[name]: row for row in rows}
    assert len(found) == len(rows)
    return found


def between(low: float, value: float, high: float) -> bool:
    return low - ROUNDING <= value <= high + ROUNDING


def test_the_scene_is_what_it_should_be(looks: Looks) -> None:
    """Told by the operating system and by what was enqueued, not by either of the two that are compared."""
    stats = looks.before["stats"]
    assert (stats["processed"], stats["failed"]) == (DONE + RETRIED + DEAD, RETRIED + DEAD)
    assert (stats["retry_size"], stats["dead_size"], stats["scheduled_size"]) == (RETRIED, DEAD, 3)
    assert stats["enqueued"] == HANGING + 1 - THREADS + LATE + 1
    assert {process["pid"] for process in looks.before["processes"]} == {
        looks.at_work.process.pid,
        looks.quiet.process.pid,
    }
    assert len(looks.before["work"]) == THREADS


def test_totals(looks: Looks) -> None:
    ruby, ours = looks.before["stats"], looks.ours["totals"]
    assert {
        "processed": ruby["processed"],
        "failed": ruby["failed"],
        "enqueued": ruby["enqueued"],
        "retry": ruby["retry_size"],
        "scheduled": ruby["scheduled_size"],
        "dead": ruby["dead_size"],
        "processes": ruby["processes_size"],
        "busy": ruby["workers_size"],
        "threads": sum(process["concurrency"] for process in looks.before["processes"]),
    }.items() <= ours.items()


def test_queues(looks: Looks) -> None:
    before, ours, after = (by("name", look["queues"]) for look in (looks.before, looks.ours, looks.after))
    assert ours.keys() == before.keys() == {"default", "ingress", "pull", "push", "scheduler"}
    for name, queue in ours.items():
        assert (queue["size"], queue["paused"]) == (before[name]["size"], before[name]["paused"]), name
        assert between(before[name]["latency"], queue["latency"], after[name]["latency"]), name
        assert queue["processes"] == sorted(
            process["identity"] for process in looks.before["processes"] if name in process["queues"]
        )
    assert ours["default"]["size"] == LATE
    assert ours["scheduler"]["processes"] == []


@pytest.mark.parametrize(("ours", "ruby"), [("retry", "retry"), ("scheduled", "schedule"), ("dead", "dead")])
def test_sets(looks: Looks, ours: str, ruby: str) -> None:
    found = looks.ours["sets"][ours]
    scores = sorted(entry["score"] for entry in looks.before[ruby])
    assert found["size"] == len(scores)
    assert found["oldest_epoch"] == pytest.approx(scores[0], abs=ROUNDING)
    assert found["newest_epoch"] == pytest.approx(scores[-1], abs=ROUNDING)
    if ours != "dead":  # a dead job is due for nothing
        assert found["due"] == sum(score <= time.time() for score in scores) == (1 if ours == "scheduled" else 0)


def test_processes(live: Live, looks: Looks) -> None:
    ruby, ours = by("identity", looks.before["processes"]), by("identity", looks.ours["processes"])
    assert {identity for identity, process in ours.items() if process["alive"]} == ruby.keys()
    for identity, theirs in ruby.items():
        found = ours[identity]
        for field in SAME_FIELDS:
            assert found[field] == theirs[field], (identity, field)
        assert found["rss_bytes"] == theirs["rss"] * 1024
        assert found["started_epoch"] == pytest.approx(theirs["started_at"], abs=ROUNDING)
        assert between(0, found["beat_age"], time.time() - theirs["beat"])
    at_work, quiet = ours[looks.at_work.identity], ours[looks.quiet.identity]
    assert (at_work["busy"], at_work["quiet"], at_work["tag"]) == (THREADS, False, "federation")
    assert (quiet["busy"], quiet["quiet"], quiet["tag"]) == (0, True, "mastodon")
    assert at_work["weights"] == ({} if live.release.version < "7" else {"push": 2, "ingress": 1})


def test_a_killed_process_is_a_ghost(looks: Looks) -> None:
    ours = by("identity", looks.ours["processes"])
    assert {identity for identity, process in ours.items() if not process["alive"]} == {looks.ghost.identity}
    assert looks.ghost.identity not in by("identity", looks.before["processes"])
    assert looks.ours["totals"]["processes"] == 3  # Ruby's Stats counts it, too


def test_running_jobs(looks: Looks) -> None:
    ruby, ours = by("jid", looks.before["work"]), by("jid", looks.ours["busy"])
    assert ours.keys() == ruby.keys()
    for jid, theirs in ruby.items():
        found = ours[jid]
        assert (found["identity"], found["thread"]) == (theirs["process"], theirs["thread"])
        assert (found["class"], found["queue"]) == (theirs["display_class"], theirs["queue"])
        assert found["run_epoch"] == theirs["run_at"]
        assert between(0, found["elapsed"], time.time() - theirs["run_at"])
        delivery = found["class"] == "ActivityPub::DeliveryWorker"
        assert found["domain"] == (theirs["display_args"][2].split("/")[2] if delivery else "actor.example")


def test_looking_changes_nothing(looks: Looks) -> None:
    assert looks.keys_after == looks.keys_before


def test_no_argument_of_a_job_is_shown(looks: Looks) -> None:
    assert "/inbox" not in json.dumps(looks.ours)
