# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of this host behind heartbeats, by files like those of /proc."""

from __future__ import annotations

import os
import socket
from dataclasses import replace

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host import process
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process

HERE = socket.gethostname()
TICKS = os.sysconf("SC_CLK_TCK")
BOOTED = 1_700_000_000


def heartbeat(host=HERE, pid=42, started_at=BOOTED + 101.0, nonce="abc", **fields):
    return Process(f"{host}:{pid}:{nonce}", True, host, pid, started_at=started_at, **fields)


@pytest.fixture
def proc(tmp_path, monkeypatch):
    def write(pid=42, command=b"sidekiq 7.3.2 live [0 of 25 busy]\0", state="S", inside=None):
        home = tmp_path / str(pid)
        home.mkdir()
        (home / "cmdline").write_bytes(command)
        fields = [state, *["0"] * 18, str(100 * TICKS)]
        (home / "stat").write_text(f"{pid} (ruby) {' '.join(fields)}\n")
        (home / "status").write_text(f"NSpid:\t{pid}" + (f"\t{inside}\n" if inside else "\n"))
        (home / "cgroup").write_text("0::/system.slice/mastodon-sidekiq.service\n")
        return tmp_path

    (tmp_path / "stat").write_text(f"btime {BOOTED}\n")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return write


def live(**fields):
    return heartbeat(version="7.3.2", tag="live", concurrency=25, **fields)


def test_it_is_here(proc):
    [found] = process.locate([live()], proc()).values()
    assert found == process.Local(42, 100 * TICKS, "mastodon-sidekiq.service", named=True)
    assert not found.gone


def test_it_is_here_under_another_name(proc):
    [found] = process.locate([live(host="renamed")], proc()).values()
    assert (found.pid, found.named) == (42, False)


def test_what_does_not_agree_is_not_here(proc):
    beats = [live(started_at=BOOTED + 50.0), live(host="elsewhere", pid=7)]
    assert process.locate(beats, proc()) == {}


@pytest.mark.parametrize("kernel", [{"pid": 7}, {"state": "Z"}])
def test_root_can_tell_that_it_has_ended(proc, kernel, monkeypatch):
    place = proc(**kernel)
    [found] = process.locate([live()], place).values()
    assert found.gone
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert process.locate([live()], place) == {}


def test_a_pid_that_is_used_in_a_container_may_be_its_own(proc):
    """Its process may run in a container that has this host's name."""
    assert process.locate([live(started_at=BOOTED + 50.0)], proc(pid=9000, inside=42)) == {}


def test_the_crashed_process_of_a_container_that_runs_again_has_ended(proc, monkeypatch):
    monkeypatch.setattr("os.uname", lambda: os.uname_result(("Linux", "a1b2", "", "", "")))
    old = live(host="a1b2", pid=7, started_at=BOOTED + 10.0, beat=BOOTED + 90.0, nonce="old")
    old = replace(old, alive=False, superseded=True)
    new = live(host="a1b2", pid=7, beat=BOOTED + 110.0)
    found = process.locate([old, new], proc(pid=9000, inside=7))
    assert found[old.identity].gone
    assert (found[new.identity].pid, found[new.identity].gone) == (9000, False)
