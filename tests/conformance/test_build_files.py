# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporary files of real Ruby processes: those of a killed one go, those of a living one stay, and nothing else is touched."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.build_files import (
    read_build_files,
    read_living,
    remove,
)
from ansible_collections.fediverse.mastodon.tests.lab.roots import command_in, ensure_root, stop
from ansible_collections.fediverse.mastodon.tests.redis import modules

NOBODY = 65534
"""Stands for Mastodon's user, who owns its folder and its files."""

BUILD = """
require "tempfile"
$kept = [Tempfile.new("outbox.json"), Tempfile.new("archive-20261128120000-0123.zip"), Tempfile.new(["cat", ".png"])]
$kept.each { |file| file.write("x" * 5000); file.close }
puts $kept.map { |file| File.basename(file.path) }
$stdout.flush
sleep
"""


@pytest.fixture
def root(tmp_path):
    """Mastodon's folder, which names a directory of its own for temporary files."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "live").mkdir()
    (tmp_path / "live/.env.production").write_text(f"TMPDIR={tmp_path / 'temporary'}\n")
    for name in ("live", "temporary"):
        os.chown(tmp_path / name, NOBODY, NOBODY)
    return tmp_path / "live"


@pytest.fixture
def folder(root):
    return root.parent / "temporary"


@pytest.fixture
def build(folder):
    """Starts a Ruby that builds, and says which files it made, all of them closed."""
    running = []

    def start():
        binds = {folder: "/mnt/ruby"}
        argv, env = ["ruby", "-e", BUILD], {"TMPDIR": "/mnt/ruby"}
        process = command_in(ensure_root("trixie"), argv, env, binds, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        running.append(process)
        made = [process.stdout.readline().decode().strip() for _file in range(3)]
        for name in made:
            os.chown(folder / name, NOBODY, NOBODY)
        return process, made

    yield start
    for process in running:
        stop(process, timeout=0)
        process.stdout.close()


def names(folder, min_age=0.0):
    return [file.name for file in seen(folder, min_age)]


def seen(folder, min_age=0.0):
    return read_build_files(str(folder), NOBODY, time.time() + 1, read_living(NOBODY), min_age)


def long_ago(folder, *names):
    for name in names:
        os.utime(folder / name, (time.time() - 7200, time.time() - 7200))


def test_those_of_a_killed_process_are_left_and_those_of_a_living_one_are_not(build, folder):
    killed, left = build()
    _living, kept = build()
    assert names(folder) == [], "both live"
    killed.kill()
    killed.wait(10)
    assert names(folder) == sorted(left)
    assert not set(left) & set(kept) and names(folder, min_age=60.0) == []
    with (folder / left[0]).open("rb"):
        assert names(folder) == sorted(left[1:]), "somebody has one open"


def test_the_module_removes_them_and_nothing_else(build, folder, root):
    killed, left = build()
    killed.kill()
    killed.wait(10)
    long_ago(folder, *left)
    others = ["outbox.json", "notes-20261128.txt", "x20261399-12-abc"]
    for name in others:
        (folder / name).touch()
        os.chown(folder / name, NOBODY, NOBODY)
    (folder / "dir20260101-999999998-abc").mkdir()
    (folder / "link20260101-999999998-abc").symlink_to("/etc/hostname")
    os.link(folder / "outbox.json", folder / "hard20260101-999999998-abc")
    (folder / "root20260101-999999998-abc").touch()
    long_ago(folder, *others, "root20260101-999999998-abc")
    before = sorted(os.listdir(folder))
    check = modules.run("export_build_files", True, mastodon_root=str(root))
    assert sorted(os.listdir(folder)) == before
    done = modules.run("export_build_files", mastodon_root=str(root))
    assert check == done and (done["changed"], done["count"], done["reason"]) == (True, 3, None), (check, done)
    assert sorted(file["name"] for file in done["files"]) == sorted(left) and done["bytes"] >= 15000
    assert sorted(os.listdir(folder)) == sorted(set(before) - set(left))
    again = modules.run("export_build_files", mastodon_root=str(root))
    assert (again["changed"], again["count"]) == (False, 0)


def test_what_was_exchanged_meanwhile_stays(folder):
    name = "outbox.json20260101-999999999-abc"
    (folder / name).write_text("old")
    os.chown(folder / name, NOBODY, NOBODY)
    [file] = seen(folder)
    (folder / "new").write_text("new")
    os.replace(folder / "new", folder / name)
    assert remove(str(folder), [file]) == []
    assert (folder / name).read_text() == "new" and os.listdir(folder) == [name]


def test_without_the_right_to_see_what_is_open_nothing_is_known(folder, tmp_path):
    """A process whose open files cannot be read may have any of them open."""
    proc = tmp_path / "proc"
    (proc / "1").mkdir(parents=True)
    (proc / "stat").write_text("btime 1000\n")
    (proc / "1/stat").write_text("broken")
    (folder / "outbox.json20260101-999999999-abc").touch()
    assert read_living(NOBODY, str(proc)).open is not None, "a process of another user"
    os.chown(proc / "1", NOBODY, NOBODY)
    living = read_living(NOBODY, str(proc))
    assert living.open is None
    assert read_build_files(str(folder), NOBODY, time.time() + 9999, living) == []


def test_a_younger_file_may_belong_to_a_build_that_runs(root):
    assert "at least 1h" in modules.run("export_build_files", mastodon_root=str(root), min_age="5m")["msg"]
