# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about processes, each on both sides of its border."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis import processes

from .builders import IDENTITY, UNIT, finds, ghost, job, one, process, queue, view, work

MIB = 1024**2
CRITICAL_NO_PROCESS = [("critical", "no_process")]


@pytest.mark.parametrize(
    ("living", "found"),
    [
        ((), CRITICAL_NO_PROCESS),
        (None, CRITICAL_NO_PROCESS),
        ((ghost(),), CRITICAL_NO_PROCESS),
        ((process(),), []),
        ((process(quiet=True),), []),
        ((ghost(), process()), []),
    ],
)
def test_no_process(living, found):
    assert finds(processes.no_process, view(processes=living)) == found


def test_no_process_says_what_waits_and_what_to_start():
    finding = one(processes.no_process, view(processes=(ghost(),), queues=(queue("push", 2), queue("pull", 1))))
    assert finding.evidence == {"ghosts": 1, "enqueued": 3}
    assert "3 jobs wait" in finding.summary
    assert f"systemctl start {UNIT}" in finding.fix


@pytest.mark.parametrize(
    ("quiet", "found"),
    [([True], True), ([True, True], True), ([True, False], False), ([False], False), ([], False)],
)
def test_all_quiet(quiet, found):
    living = tuple(process(f"host:{number}:x", quiet=is_quiet) for number, is_quiet in enumerate(quiet))
    assert finds(processes.all_quiet, view(processes=(*living, ghost()))) == [("critical", "all_quiet")] * found


@pytest.mark.parametrize(("count", "words"), [(1, "1 process is registered"), (2, "2 processes are registered")])
def test_ghosts(count, words):
    seen = view(processes=(process(), *(ghost(f"host:{number}:x") for number in range(count))))
    finding = one(processes.ghosts, seen)
    assert (finding.severity, finding.id) == ("warning", "ghost_processes")
    assert words in finding.summary
    assert "record names" not in finding.summary
    assert finding.evidence["processes"] == [f"host:{number}:x" for number in range(count)]


def test_ghosts_name_what_they_ran():
    lost, kept = work(job(jid="lost"), identity=ghost().identity), work(job(jid="kept"))
    finding = one(processes.ghosts, view(processes=(process(), ghost()), work=(lost, kept)))
    assert finding.evidence["jobs"] == ["lost"]
    assert "names 1 job that ran" in finding.summary


def test_a_dead_process_that_a_newer_one_replaced():
    replaced = process("7207be031381:1:0123456789ab", alive=False, superseded=True)
    finding = one(processes.ghosts, view(processes=(process(), ghost(), replaced)))
    assert "1 process is registered without a heartbeat, and 1 process is dead" in finding.summary
    assert finding.evidence["superseded"] == [replaced.identity]
    assert f"state=stopped identities={replaced.identity}" in finding.fix


def test_no_ghosts():
    assert finds(processes.ghosts, view()) == []


@pytest.mark.parametrize(
    ("beat_age", "limit", "late"),
    [(30.0, 30, False), (30.1, 30, True), (None, 30, False), (31.0, 31, False), (-99.0, 30, False)],
)
def test_late_heartbeat(beat_age, limit, late):
    seen = view(limits={"heartbeat_late": limit}, processes=(process(beat_age=beat_age), process("other:1:x")))
    assert finds(processes.late_heartbeat, seen) == [("warning", "heartbeat_late")] * late


def test_late_heartbeat_of_each():
    seen = view(processes=(process("a:1:x", beat_age=59.0), process("b:1:x", beat_age=40.0)))
    found = list(processes.late_heartbeat(seen))
    assert [finding.subject for finding in found] == ["process a:1:x", "process b:1:x"]
    assert [finding.evidence for finding in found] == [{"beat_age": 59.0}, {"beat_age": 40.0}]


@pytest.mark.parametrize(
    ("rss", "severity"),
    [
        (None, None),
        (500 * MIB, None),
        (500 * MIB + 1, "warning"),
        (1024 * MIB, "warning"),
        (1024 * MIB + 1, "critical"),
    ],
)
def test_memory(rss, severity):
    seen = view(processes=(process(rss_bytes=rss),))
    assert finds(processes.memory, seen) == ([(severity, "process_memory")] if severity else [])


def test_memory_as_given():
    seen = view(limits={"rss_warning": 10, "rss_critical": 20}, processes=(process(rss_bytes=15),))
    finding = one(processes.memory, seen)
    assert (finding.severity, finding.subject) == ("warning", f"process {IDENTITY}")
    assert finding.evidence == {"rss_bytes": 15, "limit": 10}


@pytest.mark.parametrize(
    ("versions", "mixed"),
    [
        (["8.1.7"], False),
        (["8.1.7", "8.1.7"], False),
        (["8.1.7", "7.3.9"], True),
        (["8.1.7", None], False),  # before 7.0.2 they do not tell
        ([None, None], False),
    ],
)
def test_versions(versions, mixed):
    living = tuple(process(f"host:{number}:x", version=version) for number, version in enumerate(versions))
    assert finds(processes.versions, view(processes=living)) == [("notice", "versions_mixed")] * mixed


def test_versions_names_who_runs_which():
    seen = view(processes=(process("a:1:x", version="8.1.7"), process("b:1:x", version="7.3.9")))
    finding = one(processes.versions, seen)
    assert finding.evidence == {"versions": {"a:1:x": "8.1.7", "b:1:x": "7.3.9"}}
    assert "7.3.9, 8.1.7" in finding.summary


@pytest.mark.parametrize(
    ("offset", "beat_age", "apart"),
    [
        (0.0, 2.0, False),
        (5.0, 2.0, False),
        (5.1, 2.0, True),
        (-5.1, 2.0, True),
        (0.0, -5.0, False),
        (0.0, -5.1, True),
        (0.0, None, False),
    ],
)
def test_clocks(offset, beat_age, apart):
    seen = view(clock_offset=offset, processes=(process(beat_age=beat_age),))
    assert finds(processes.clocks, seen) == [("warning", "clocks_disagree")] * apart


def test_clocks_say_the_worst_difference():
    seen = view(limits={"clock_offset": 1}, clock_offset=-2.0, processes=(process(beat_age=-45.0),))
    finding = one(processes.clocks, seen)
    assert "differ by 45 s" in finding.summary
    assert finding.evidence == {"host_ahead_of_redis": -2.0, "processes_ahead_of_redis": {IDENTITY: 45.0}}
