# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in a Debian root leaves nothing behind: no change, no mount, no process."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys

import pytest

from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import RELEASES
from ansible_collections.fediverse.mastodon.tests.lab.roots import command_in, ensure_root, stop
from ansible_collections.fediverse.mastodon.tests.redis.waiting import wait_for


@pytest.fixture(scope="module", params=[release.suite for release in RELEASES])
def root(request: pytest.FixtureRequest) -> pathlib.Path:
    return ensure_root(request.param)


def output(root: pathlib.Path, script: str, binds: dict[pathlib.Path, str] | None = None) -> str:
    process = command_in(root, ["sh", "-c", script], binds=binds, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        return process.communicate(timeout=120)[0].decode().strip()
    finally:
        stop(process)


def test_it_is_the_suite_that_was_asked_for(root: pathlib.Path) -> None:
    assert output(root, ". /etc/os-release; echo $VERSION_CODENAME") == root.name


def test_the_root_cannot_be_changed(root: pathlib.Path) -> None:
    assert "Read-only file system" in output(root, "touch /etc/passwd")
    assert output(root, "touch /tmp/x /run/x /mnt/x && ls /tmp /run /mnt | grep -c x") == "3"
    assert not (root / "tmp/x").exists()


def test_a_bound_directory_is_seen(root: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "here").write_text("seen")
    assert output(root, "cat /mnt/a/b/here", {tmp_path: "/mnt/a/b"}) == "seen"


def test_no_environment_leaks_in(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUBYLIB", "/nowhere")
    names = {line.split("=", 1)[0] for line in output(root, "env").splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "HOME", "LANG"}


def test_nothing_is_mounted_here(root: pathlib.Path) -> None:
    process = command_in(root, ["sleep", "60"])
    try:
        wait_for("sleep runs", 300, lambda: pathlib.Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n")
        assert str(root) not in pathlib.Path("/proc/self/mounts").read_text()
    finally:
        stop(process)
    assert process.returncode == -signal.SIGTERM


def test_it_dies_with_the_one_that_started_it(root: pathlib.Path) -> None:
    script = (
        "import pathlib, sys, time; from lab.roots import command_in;"
        "print(command_in(pathlib.Path(sys.argv[1]), ['sleep', '60']).pid, flush=True); time.sleep(60)"
    )
    tests = pathlib.Path(__file__).parents[1]
    starter = subprocess.Popen([sys.executable, "-c", script, str(root)], cwd=tests, stdout=subprocess.PIPE)
    assert starter.stdout is not None
    with starter.stdout:
        pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait(120)
    wait_for("it is gone", 300, lambda: gone(pid))


def gone(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
