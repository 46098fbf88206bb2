# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the process behind a heartbeat runs on this host, by files like those of /proc."""

from __future__ import annotations

import os
import socket
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon import local_process
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.process import Process

HERE = socket.gethostname()
TICKS = os.sysconf("SC_CLK_TCK")
BOOTED = 1_700_000_000
UNIFIED = "0::/system.slice/mastodon-sidekiq.service\n"
OLD = "9:memory:/x\n1:name=systemd:/system.slice/system-mastodon.slice/mastodon-sidekiq@2.service\n"


def heartbeat(host=HERE, pid=42, started_at=BOOTED + 101.0):
    return Process(f"{host}:{pid}:abc", True, host, pid, started_at=started_at)


@pytest.fixture
def proc(tmp_path):
    def write(pid=42, command=b"sidekiq 7.3.2 live [0 of 25 busy]\0", state="S", seconds=100, cgroup=UNIFIED):
        home = tmp_path / str(pid)
        home.mkdir()
        (home / "cmdline").write_bytes(command)
        fields = [state, *["0"] * 18, str(seconds * TICKS)]
        (home / "stat").write_text(f"{pid} (ruby) 3.3 (x)) {' '.join(fields)}\n")
        (home / "cgroup").write_text(cgroup)
        return tmp_path

    (tmp_path / "stat").write_text(f"cpu 1 2\nbtime {BOOTED}\n")
    return write


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        (UNIFIED, "mastodon-sidekiq.service"),
        (OLD, "mastodon-sidekiq@2.service"),
        ("0::/user.slice/session-3.scope\n", None),
        ("", None),
    ],
)
def test_the_unit_is_that_of_its_control_group(proc, cgroup, unit):
    found = local_process.find(heartbeat(), proc(cgroup=cgroup))
    assert (found.pid, found.ticks, found.unit, found.gone) == (42, 100 * TICKS, unit, False)


@pytest.mark.parametrize(
    ("beat", "kernel"),
    [
        (heartbeat(host="elsewhere"), {}),
        (heartbeat(), {"command": b"postgres: writer\0"}),
        (heartbeat(started_at=BOOTED + 50.0), {}),  # another process got its pid
    ],
)
def test_what_does_not_agree_is_not_here(proc, beat, kernel):
    assert local_process.find(beat, proc(**kernel)) is None


@pytest.mark.parametrize("kernel", [{"pid": 7}, {"state": "Z"}])
def test_root_can_tell_that_it_has_ended(proc, kernel, monkeypatch):
    place = proc(**kernel)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert local_process.find(heartbeat(), place).gone
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert local_process.find(heartbeat(), place) is None


def test_it_has_ended_when_another_has_its_pid(proc):
    place = proc()
    assert not local_process.is_gone(42, 100 * TICKS, place)
    assert local_process.is_gone(42, 99 * TICKS, place)
    assert local_process.is_gone(43, 100 * TICKS, place)


def test_this_process_is_found_by_the_real_files():
    ticks = local_process._started(os.getpid(), local_process.PROC)
    assert not local_process.is_gone(os.getpid(), ticks)
    began = local_process._booted(local_process.PROC) + ticks / TICKS
    assert 0 <= time.time() - began < 86400 * 30
