# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about running jobs, each on both sides of its border."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis import running

from .builders import IDENTITY, delivery, finds, ghost, job, one, process, view, work


@pytest.mark.parametrize(
    ("name", "elapsed", "severity"),
    [
        ("FeedInsertWorker", 60.0, None),
        ("FeedInsertWorker", 60.1, "warning"),
        ("FeedInsertWorker", 600.0, "warning"),
        ("FeedInsertWorker", 600.1, "critical"),
        ("FeedInsertWorker", None, None),
        ("BackupWorker", 3600.0, None),
        ("BackupWorker", 3600.1, "warning"),
        ("BackupWorker", 21600.0, "warning"),
        ("BackupWorker", 21600.1, "critical"),
        ("Scheduler::VacuumScheduler", 3600.0, None),
        ("Scheduler::VacuumScheduler", 3600.1, "warning"),
    ],
)
def test_running_long(name, elapsed, severity):
    seen = view(work=(work(job(name), elapsed), work()))
    assert finds(running.running_long, seen) == ([(severity, "job_running_long")] if severity else [])


def test_running_long_as_given():
    limits = {
        "busy_warning": 1,
        "busy_critical": 2,
        "long_running_classes": ["Slow*"],
        "long_running_warning": 10,
        "long_running_critical": 20,
    }
    for name, elapsed, severity in [
        ("A", 1.5, "warning"),
        ("A", 2.5, "critical"),
        ("SlowWorker", 9.0, None),
        ("SlowWorker", 11.0, "warning"),
        ("SlowWorker", 21.0, "critical"),
        ("BackupWorker", 2.5, "critical"),
    ]:
        found = list(running.running_long(view(limits=limits, work=(work(job(name), elapsed),))))
        assert [finding.severity for finding in found] == ([severity] if severity else []), (name, elapsed)


def test_running_long_is_one_finding_for_each_class_the_commonest_first():
    works = [work(job("A", jid="a"), 61.0), work(job("A"), 30.0)]
    works += [work(job("B", jid=f"b{number}"), 100.0 + number) for number in range(25)]
    many, single = running.running_long(view(work=tuple(works)))
    assert (many.subject, single.subject) == ("class B", "class A")
    assert many.evidence == {
        "jobs": [f"b{number}" for number in range(20)],
        "count": 25,
        "longest": 124.0,
        "limit": 60,
    }
    assert "25 jobs run longer than 60 s, the longest for 2 min" in many.summary
    assert "1 job runs longer than" in single.summary


def test_running_long_without_a_class():
    assert one(running.running_long, view(work=(work(job(None), 61.0),))).subject == "class ?"


@pytest.mark.parametrize(
    ("concurrency", "elapsed", "held"),
    [
        (2, [61.0, 100.0], True),
        (2, [60.0, 100.0], False),
        (2, [100.0], False),
        (2, [100.0, None], False),
        (2, [61.0, 61.0, 61.0], True),  # fewer threads than before, and older jobs
        (0, [], False),
        (0, [100.0], False),
    ],
)
def test_threads_held(concurrency, elapsed, held):
    works = tuple(work(elapsed=seconds) for seconds in elapsed)
    seen = view(processes=(process(concurrency=concurrency, busy=len(works)),), work=works)
    assert finds(running.threads_held, seen) == [("critical", "threads_all_held")] * held


def test_threads_held_of_each_process_alone():
    works = (work(job("A"), 100.0), work(job("B"), 90.0, "b:1:x"), work(job("B"), 80.0, "c:1:x"))
    living = (process(concurrency=2), process("b:1:x", concurrency=1), ghost("c:1:x"))
    finding = one(running.threads_held, view(processes=living, work=works))
    assert finding.subject == "process b:1:x"
    assert finding.evidence == {"threads": 1, "held_for_at_least": 90.0, "classes": {"B": 1}}


@pytest.mark.parametrize(
    ("held", "threads", "severity"),
    [
        (5, 10, None),
        (6, 10, "warning"),
        (7, 10, "warning"),
        (8, 10, "critical"),
        (2, 3, None),  # too few to mean anything
        (3, 5, "warning"),
        (3, 3, "critical"),
        (3, 0, None),
    ],
)
def test_domain_holds_threads(held, threads, severity):
    works = tuple(work(delivery("gone.example")) for _number in range(held))
    seen = view(processes=(process(concurrency=threads),), work=works)
    assert finds(running.domain_holds_threads, seen) == ([(severity, "domain_holds_threads")] if severity else [])


def test_domain_holds_threads_as_given():
    works = tuple(work(delivery("gone.example")) for _number in range(3))
    for share, found in [(0.29, 1), (0.3, 0)]:
        seen = view(limits={"domain_share": share}, processes=(process(concurrency=10),), work=works)
        assert len(finds(running.domain_holds_threads, seen)) == found


def test_domain_holds_threads_of_all_processes_together():
    works = [work(delivery("gone.example")) for _number in range(6)] + [work(delivery("slow.example"))]
    living = (process(concurrency=5), process("b:1:x", concurrency=5), ghost())
    finding = one(running.domain_holds_threads, view(processes=living, work=tuple(works)))
    assert finding.subject == "domain gone.example"
    assert finding.evidence == {"held": 6, "threads": 10, "domains": {"gone.example": 6, "slow.example": 1}}


def test_jobs_without_a_domain_hold_none():
    works = tuple(work(identity=IDENTITY) for _number in range(3))
    seen = view(processes=(process(concurrency=3),), work=works)
    assert finds(running.domain_holds_threads, seen) == []
