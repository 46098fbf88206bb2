# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of Sidekiq processes, by files like those of /proc on hosts of several kinds."""

from __future__ import annotations

import os
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation import kernel
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.kernel import Title

TICKS = os.sysconf("SC_CLK_TCK")
BOOTED = 1_700_000_000
ID = "7207be031381" + "ab" * 26
OTHER = "0" * 64


@pytest.fixture
def proc(tmp_path):
    """Writes the files of a process."""

    def write(pid=42, command=b"sidekiq 7.3.2 live [3 of 25 busy]\0\0", inside=None, state="S", seconds=100, **files):
        home = tmp_path / str(pid)
        home.mkdir()
        (home / "cmdline").write_bytes(command)
        fields = [state, "1", *["0"] * 17, str(seconds * TICKS)]
        (home / "stat").write_text(f"{pid} (ruby) 3.3 (x)) {' '.join(fields)}\n")
        numbers = f"{pid}" if inside is None else f"{pid}\t{inside}"
        (home / "status").write_text(f"Name:\truby\nPPid:\t1\nUid:\t991\t991\t991\t991\nNSpid:\t{numbers}\n")
        (home / "cgroup").write_text(files.get("cgroup", "0::/system.slice/mastodon-sidekiq.service\n"))
        (home / "environ").write_bytes(files.get("environ", b""))
        return tmp_path

    (tmp_path / "stat").write_text(f"cpu 1 2\nbtime {BOOTED}\n")
    return write


def test_a_process_of_a_unit(proc):
    [found] = kernel.sidekiq_processes(proc(environ=b"REDIS_URL=redis://127.0.0.1\0RAILS_ENV=production\0"))
    assert (found.pid, found.inner_pid, found.ticks, found.started_at) == (42, 42, 100 * TICKS, BOOTED + 100)
    assert (found.unit, found.container, found.uid, found.parent) == ("mastodon-sidekiq.service", None, 991, 1)
    assert found.title == Title("7.3.2", "live", 3, 25, False)
    assert found.names == {os.uname().nodename}
    assert found.environment == {"REDIS_URL": "redis://127.0.0.1", "RAILS_ENV": "production"}
    assert not found.isolated


def test_a_process_of_a_container_has_two_pids_and_is_called_like_the_container(proc):
    group = f"0::/system.slice/docker-{ID}.scope\n"
    [found] = kernel.sidekiq_processes(proc(pid=4711, inside=7, cgroup=group, environ=b"HOSTNAME=worker\0"))
    assert (found.pid, found.inner_pid, found.isolated) == (4711, 7, True)
    assert (found.container, found.engine, found.unit) == (ID, "docker", None)
    assert {"7207be031381", "worker"} <= found.names


def test_dyno_is_the_only_name_of_a_process_that_has_it(proc):
    [found] = kernel.sidekiq_processes(proc(environ=b"DYNO=worker.1\0HOSTNAME=x\0"))
    assert found.names == {"worker.1"}


def test_an_environment_that_ruby_has_overwritten_is_unknown_and_not_empty(proc):
    [found] = kernel.sidekiq_processes(proc(environ=b"\0" * 300))
    assert found.environment is None


@pytest.mark.parametrize(
    ("groups", "unit", "user_unit"),
    [
        ("0::/system.slice/mastodon-sidekiq.service\n", "mastodon-sidekiq.service", None),
        (
            "9:memory:/x\n1:name=systemd:/system.slice/system-sidekiq.slice/sidekiq@2.service\n",
            "sidekiq@2.service",
            None,
        ),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", None, None),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/sidekiq.service\n", None, "sidekiq.service"),
        (f"0::/system.slice/sidekiq.service/libpod-payload-{ID}\n", "sidekiq.service", None),
        (f"0::/system.slice/docker-{ID}.scope\n", None, None),
        ("", None, None),
    ],
)
def test_the_unit_is_that_of_its_control_group(groups, unit, user_unit):
    assert kernel.units_of(groups) == (unit, user_unit)


@pytest.mark.parametrize(
    ("groups", "engine"),
    [
        (f"0::/system.slice/docker-{ID}.scope\n", "docker"),
        (f"12:pids:/docker/{ID}\n1:name=systemd:/docker/{ID}\n", "docker"),
        (f"0::/machine.slice/libpod-{ID}.scope/container\n", "podman"),
        (f"0::/system.slice/sidekiq.service/libpod-payload-{ID}\n", "podman"),
        (f"9:memory:/libpod_parent/libpod-{ID}\n", "podman"),
        (f"0::/kubepods.slice/kubepods-pod1a2b.slice/cri-containerd-{ID}.scope\n", "kubernetes"),
        (f"5:cpu:/kubepods/burstable/pod1a2b/{ID}\n", "kubernetes"),
        (f"0::/lxc/{ID}\n", None),
    ],
)
def test_the_container_is_that_of_its_control_group(groups, engine):
    assert kernel.container_of(groups) == (ID, engine)


def test_no_container():
    assert kernel.container_of("0::/system.slice/mastodon-sidekiq.service\n") == (None, None)


@pytest.mark.parametrize(
    ("command", "title"),
    [
        ("sidekiq 7.3.2 live [3 of 25 busy]\0\0\0", Title("7.3.2", "live", 3, 25, False)),
        ("sidekiq 7.3.2  [0 of 5 busy]", Title("7.3.2", "", 0, 5, False)),
        ("sidekiq 6.5.12 my app [2] [1 of 5 busy] stopping", Title("6.5.12", "my app [2]", 1, 5, True)),
        ("ruby /usr/bin/sidekiq -c 25", None),
        ("tail sidekiq 7.3.2 live [3 of 25 busy]", None),
    ],
)
def test_titles(command, title):
    assert kernel.parse_title(command) == title


@pytest.mark.parametrize(
    "command",
    [
        b"ruby\0/usr/bin/sidekiq\0-c\x0025\0",
        b"/usr/bin/ruby3.1\0/home/mastodon/.rbenv/versions/3.3.5/bin/bundle\0exec\0sidekiq\0-c\x0025\0",
        b"/home/mastodon/.rbenv/shims/bundle\0exec\0sidekiq\0",
        b"sidekiqswarm\0-c\x0025\0",
    ],
)
def test_a_process_that_has_no_title_yet(proc, command):
    [found] = kernel.sidekiq_processes(proc(command=command))
    assert found.title is None


@pytest.mark.parametrize(
    "command",
    [
        b"/bin/bash\0-c\0sidekiq -c 25; true\0",
        b"tail\0-f\0/var/log/sidekiq\0",
        b"vim\0config/sidekiq.yml\0",
        b"docker\0run\0live\0bundle\0exec\0sidekiq\0",
        b"podman\0run\0--name\0sidekiq\0",
        b"systemctl\0restart\0sidekiq\0",
        b"ruby\0/usr/bin/sidekiq_exporter\0",
        b"",
    ],
)
def test_what_only_names_sidekiq_is_none(proc, command):
    assert kernel.sidekiq_processes(proc(command=command)) == []


def test_a_zombie_is_none(proc):
    assert kernel.sidekiq_processes(proc(state="Z")) == []


def test_a_process_has_ended_when_another_has_its_pid(proc):
    place = proc()
    assert not kernel.is_gone(42, 100 * TICKS, place)
    assert kernel.is_gone(42, 99 * TICKS, place)
    assert kernel.is_gone(43, 100 * TICKS, place)


def test_pids_as_processes_know_their_own(proc):
    proc(pid=42)
    assert kernel.pids_inside(proc(pid=4711, inside=7)) == {42, 7}


def test_this_process_by_the_real_files():
    ticks = kernel.start_ticks(os.getpid())
    assert not kernel.is_gone(os.getpid(), ticks)
    assert 0 <= time.time() - (kernel.boot_time() + ticks / TICKS) < 86400 * 30
    assert next(kernel.parents(os.getpid())) == os.getppid()
    assert os.getpid() in kernel.pids_inside() or os.getpid() != int(os.readlink("/proc/self"))
