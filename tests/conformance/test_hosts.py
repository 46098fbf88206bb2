# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test host is what it says, and leaves nothing behind: no mount, no network, no control group, no process."""

from __future__ import annotations

import json
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from ansible_collections.fediverse.mastodon.tests.lab import hosts

NAME = "conformance"


@pytest.fixture
def host() -> Iterator[hosts.Host]:
    hosts.up([NAME], "trixie", postgresql=True, memory=False, bare=True, second=True)
    (made,) = [host for host in hosts.hosts() if host.name == NAME]
    yield made
    hosts.down([NAME])


def test_it_runs_mastodon_s_services_and_can_lose_jobs(host: hosts.Host) -> None:
    assert hosts.ssh(NAME, "systemctl is-active mastodon-sidekiq redis-server postgresql").split() == ["active"] * 3
    assert hosts.ssh(NAME, "sudo -u mastodon psql -At mastodon_production -c 'SELECT count(*) FROM backups'") == "0\n"
    assert "ModuleNotFoundError" in hosts.ssh(NAME, "python3 -c 'import redis' 2>&1 || true")
    hosts.ssh(NAME, "enqueue 5 BackupWorker hang > jobs; enqueue 2 MoveWorker >> jobs")
    begun = "until [ $(redis-cli llen lab:begun) = 7 ] && [ $(redis-cli llen lab:performed) = 2 ]; do sleep 0.1; done"
    hosts.ssh(NAME, begun)
    # the accounting sees a loss: the record of a killed process goes with it, and nothing else has its jobs
    hosts.ssh(NAME, "systemctl kill -s KILL mastodon-sidekiq; redis-cli del $(redis-cli keys '*:work') || true")
    account = json.loads(hosts.ssh(NAME, "account jobs"))
    assert (account["made"], account["performed"], len(account["lost"])) == (7, 2, 5)


def test_its_second_instance_has_nothing_in_common_with_the_first(host: hosts.Host) -> None:
    users = "ps -o user:32= -p $(systemctl show -P MainPID mastodon-sidekiq),$(systemctl show -P MainPID mastodon-sidekiq-second)"
    assert sorted(hosts.ssh(NAME, users).split()) == ["mastodon", "mastodon2"]
    hosts.ssh(NAME, "LAB_ROOT=/home/mastodon2/live enqueue 3 MoveWorker > jobs; enqueue 1 MoveWorker > others; sleep 1")
    account = json.loads(hosts.ssh(NAME, "LAB_ROOT=/home/mastodon2/live account jobs"))
    assert (account["made"], account["performed"]) == (3, 3)
    assert hosts.ssh(NAME, "redis-cli -n 1 llen lab:performed; redis-cli llen lab:performed").split() == ["3", "1"]


def test_nothing_is_left(host: hosts.Host) -> None:
    groups, link = host.cgroups, host.network.veth(host.number)
    assert str(host.root) in pathlib.Path("/proc/self/mounts").read_text()
    hosts.down([NAME])
    assert str(host.root) not in pathlib.Path("/proc/self/mounts").read_text()
    assert not host.directory.exists()
    assert not any(group.exists() for group in groups)
    assert host.unit not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert not pathlib.Path("/sys/class/net", link).exists()
    assert not pathlib.Path(f"/proc/{host.pid}").exists() or not hosts._runs(host)
