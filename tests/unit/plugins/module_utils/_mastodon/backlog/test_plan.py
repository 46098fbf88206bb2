# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is behind, what is stuck, and when more threads are wanted."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.backlog.flow import Flow
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.backlog.plan import (
    Marks,
    asleep,
    behind,
    decide,
    drained,
    stuck,
    unpolled,
)

MARKS = Marks(high=1000, low=100, latency=300, acceptable_delay=600, stuck_after=1800)


def queue(name="push", size=0, latency=0.0, processes=("a:1:b",)):
    return {"name": name, "size": size, "latency": latency, "processes": list(processes), "paused": False}


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (queue(size=999, latency=300), None),
        (queue(size=1000), "too many jobs wait"),
        (queue(size=1, latency=301), "its next job has waited too long"),
        (queue(size=0, latency=301), None),
        (queue(size=1000, processes=()), "no process serves it"),
        ({**queue(size=1000), "paused": True}, "it is paused"),
    ],
)
def test_behind(found, why):
    assert [one["why"] for one in behind([found], MARKS)] == ([why] if why else [])


def job(name, elapsed):
    return {
        "identity": "a:1:b",
        "class": name,
        "queue": "push",
        "domain": None,
        "elapsed": elapsed,
        "jid": "j",
        "thread": "t",
    }


def test_stuck():
    jobs = [
        job("ActivityPub::DeliveryWorker", 1801),
        job("ActivityPub::DeliveryWorker", 1800),
        job("BackupWorker", 9999),
    ]
    jobs.append(job("Scheduler::VacuumScheduler", 9999))
    assert [(one["class"], one["elapsed"]) for one in stuck(jobs, MARKS)] == [("ActivityPub::DeliveryWorker", 1801)]


def test_a_name_for_which_no_unit_can_be_started_is_skipped():
    names = ["push,9", "$(id)", "a b", "%n", "x" * 201, "\x1b[2J", "fasp"]
    flow = Flow(10, 7000, 0, 0, 0, {}, 10)
    found = decide(flow, {"queues": [queue(name, 1000) for name in names], "busy": [], "processes": []}, MARKS)
    assert (found["drain_queues"], found["undrainable"]) == (["fasp"], names[:-1])
    assert (found["queues_behind"], found["skipped"]) == (
        ["$(id)", "%n", "x" * 201, "fasp"],
        ["push,9", "a b", "\x1b[2J"],
    )
    processes = [process(name, quiet=True) for name in ("a:1:b", "a b:1:c", "x")]
    found = decide(flow, {"queues": [], "busy": [], "processes": processes}, MARKS)
    assert (found["stuck_processes"], found["skipped"]) == (["a:1:b"], ["a b:1:c", "x"])


@pytest.mark.parametrize(
    ("completed", "arrived", "wanted"),
    [(10, 0, []), (1, 0, ["push", "pull"]), (1, 5, ["push", "pull"])],  # gone in 400 s, in 4000 s, never
)
def test_more_threads_only_for_what_takes_too_long(completed, arrived, wanted):
    queues = [
        queue("pull", 1000),
        queue("push", 2000),
        queue("scheduler", 1000),
        {**queue("slow", 1000), "paused": True},
    ]
    flow = Flow(10, 4000, completed, 0, arrived, {}, 10)
    found = decide(flow, {"queues": queues, "busy": [job("A", 1801)], "processes": [process("a:1:b")]}, MARKS)
    assert found["drain_queues"] == wanted
    assert found["stuck_processes"] == ["a:1:b"]


def process(identity, quiet=False, alive=True):
    return {"identity": identity, "quiet": quiet, "alive": alive}


@pytest.mark.parametrize(
    ("processes", "found"),
    [
        ([], []),
        ([process("a")], []),
        ([process("b", quiet=True), process("a", quiet=True)], ["a", "b"]),
        ([process("a", quiet=True), process("b")], []),
        ([process("a", quiet=True), process("b", alive=False)], ["a"]),
    ],
)
def test_asleep(processes, found):
    assert asleep(processes) == found


@pytest.mark.parametrize(("late", "found"), [(59, []), (61, [{"set": "retry", "due": 3, "overdue_by": 61}])])
def test_unpolled(late, found):
    sets = {"retry": {"due": 3, "oldest_epoch": 1000.0}, "scheduled": {"due": 0, "oldest_epoch": None}}
    assert unpolled({"taken_epoch": 1000.0 + late, "sets": sets}, MARKS) == found
    assert unpolled({"taken_epoch": 9e9}, MARKS) == []


@pytest.mark.parametrize(
    ("earlier", "moves"),
    [
        (None, False),
        ({}, False),
        ({"retry": {"due": 9, "oldest_epoch": 1000.0}}, False),
        ({"retry": {"due": 10, "oldest_epoch": 1000.0}}, True),
        ({"retry": {"due": 1, "oldest_epoch": 999.0}}, True),
        ({"retry": {"due": 0, "oldest_epoch": None}}, False),
        ({"scheduled": {"due": 10, "oldest_epoch": 999.0}}, False),
    ],
)
def test_a_set_that_moves_is_polled_however_many_are_still_due(earlier, moves):
    """As after the restart of a process that was quiet for long: the poller moves the oldest job first, and one at a time."""
    before = {} if earlier is None else {"sets": earlier}
    sets = {"retry": {"due": 9, "oldest_epoch": 1000.0}}
    after = {"taken_epoch": 2000.0, "sets": sets, "queues": [], "busy": [], "processes": []}
    assert (unpolled(after, MARKS, before) == []) is moves
    assert (decide(Flow(10, 0, 0, 0, 0, {}, 0), after, MARKS, before)["unpolled"] == []) is moves


@pytest.mark.parametrize(("backlog", "due", "meant"), [(0, 0, []), (1, 0, ["a:1:b"]), (0, 1, ["a:1:b"])])
def test_quiet_processes_are_stuck_when_there_is_something_to_do(backlog, due, meant):
    sets = {"scheduled": {"due": due, "oldest_epoch": 1.0}}
    after = {"queues": [], "busy": [], "processes": [process("a:1:b", quiet=True)], "sets": sets, "taken_epoch": 99.0}
    found = decide(Flow(10, backlog, 0, 0, 0, {}, 0), after, MARKS)
    assert found["stuck_processes"] == found["asleep"] == meant


def test_drained():
    queues = [queue("push", 100), queue("pull", 101)]
    assert drained(queues, ["push"], 100)
    assert not drained(queues, ["push", "pull"], 100)
