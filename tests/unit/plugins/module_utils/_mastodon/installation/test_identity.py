# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which heartbeat is which process: what is certain, and why the rest is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.identity import Match, match
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.kernel import HostProcess, Title
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process

SERVER = "127.0.0.1:6379 db 0"


def beating(host="here", pid=42, started=1010.0, nonce="abc", **fields):
    fields = {"version": "7.3.2", "tag": "live", "concurrency": 25, "beat": 2000.0, **fields}
    return Process(f"{host}:{pid}:{nonce}", True, host, pid, started_at=started, **fields)


def running(pid=42, started=1000.0, inner=None, names=("here",), title=("7.3.2", "live", 3, 25, False), **fields):
    name = Title(*title) if title else None
    return HostProcess(pid, 7, started, inner or pid, names=frozenset(names), title=name, **fields)


def paired(processes, heartbeats, now=5000.0):
    return match(processes, heartbeats, SERVER, now)


@pytest.mark.parametrize(
    "process",
    [
        pytest.param(running(), id="plain"),
        pytest.param(running(title=None), id="a title that cannot be read"),
        pytest.param(running(pid=9000, inner=42), id="another pid in its namespace"),
        pytest.param(running(started=10.0), id="a shell waited for long and then became Sidekiq"),
        pytest.param(running(started=1013.0), id="clocks differ by three seconds"),
    ],
)
def test_pid_start_and_name_agree(process):
    assert paired([process], [beating()]).found == {process.pid: Match(beating(), True)}


def test_the_host_was_renamed_while_it_ran():
    found = paired([running(names=["new"])], [beating("old")])
    assert found.found == {42: Match(beating("old"), False)}


@pytest.mark.parametrize(
    ("process", "heartbeat", "reason"),
    [
        (running(started=1100.0), beating(), "not its start, version or threads"),
        (running(), beating(version="6.5.12"), "not its start, version or threads"),
        (running(), beating(concurrency=10), "not its start, version or threads"),
        (running(), beating(pid=43), "redis_url"),
        (running(started=4950.0), beating(pid=43), "started 50 s ago and has not sent a heartbeat"),
        (running(names=["new"], started=10.0), beating("old"), "not its host name"),
        (running(names=["new"], title=None), beating("old"), "not its host name"),
        (running(pid=9000, inner=7, names=["a"]), beating("b", 7), "not its host name"),
    ],
)
def test_what_is_not_certain_is_not_matched(process, heartbeat, reason):
    found = paired([process], [heartbeat])
    assert found.found == {}
    assert reason in found.reasons[process.pid]


def test_a_heartbeat_that_expired_is_none():
    dead = Process("here:42:abc", False, "here", 42)
    assert "its heartbeat has expired" in paired([running()], [dead]).reasons[42]


def test_containers_with_the_same_pid_are_told_by_their_names():
    processes = [running(9000, inner=7, names=["a"]), running(9001, inner=7, names=["b"])]
    found = paired(processes, [beating("a", 7), beating("b", 7), beating("elsewhere", 7)])
    assert {pid: one.heartbeat.hostname for pid, one in found.found.items()} == {9000: "a", 9001: "b"}


def test_containers_with_the_same_pid_and_name_are_not_matched():
    processes = [running(9000, inner=7), running(9001, inner=7)]
    found = paired(processes, [beating(pid=7), beating(pid=7, nonce="def", started=1011.0)])
    assert found.found == {}
    assert "2 heartbeats" in found.reasons[9000]


def test_a_container_that_crashed_left_a_heartbeat_which_is_not_that_of_the_new_process():
    old = replace(beating("a", 7, started=500.0, beat=900.0), alive=False, superseded=True)
    found = paired([running(9000, inner=7, names=["a"])], [old, beating("a", 7, nonce="def")])
    assert found.found[9000].heartbeat.identity == "a:7:def"


def test_the_heartbeat_of_another_process_is_never_taken_for_that_of_a_renamed_host():
    """Its name agrees with a process here, so that it belongs to nobody else."""
    processes = [running(pid=42), running(pid=9000, inner=42, names=["a"])]
    found = paired(processes, [beating("here", 42)])
    assert list(found.found) == [42]


def test_two_hosts_of_other_names_leave_it_open():
    found = paired([running(names=["new"])], [beating("b"), beating("c")])
    assert found.found == {}
    assert "2 heartbeats" in found.reasons[42]
