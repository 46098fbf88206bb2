# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Ruby's Dir.tmpdir would put files, and what systemd says of the sandbox."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.tmpdir import (
    Sandbox,
    Temporary,
    sandbox,
    temporary,
)


def shown(text, code=0):
    return lambda command: (code, text, "")


def test_sandbox():
    pid = os.getpid()
    said = f"ActiveState=active\nMainPID={pid}\nPrivateTmp=yes\n"
    assert sandbox("x.service", shown(said)) == Sandbox(True, pid, True)
    assert sandbox("x.service", shown("ActiveState=inactive\nMainPID=0\nPrivateTmp=no\n")) == Sandbox()
    assert sandbox("x.service", shown("ActiveState=active\nMainPID=0\nPrivateTmp=disconnected\n")).private_tmp
    assert sandbox("x.service", shown(said, 1)) == Sandbox()


def test_no_systemd():
    def run(command):
        raise FileNotFoundError(command[0])

    assert sandbox("x.service", run) == Sandbox()


def test_the_first_directory_that_fits(tmp_path):
    fit, open_to_all, file = tmp_path / "fit", tmp_path / "open", tmp_path / "file"
    fit.mkdir(mode=0o700)
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    file.touch()
    uid = os.getuid()
    assert temporary({"TMPDIR": f"{fit}/"}, uid, None) == Temporary(str(fit), "TMPDIR")
    assert temporary({"TMPDIR": "", "TMP": str(fit)}, uid, None).variable == "TMP"
    assert temporary({}, uid, None) == Temporary("/tmp")
    found = temporary({"TMPDIR": str(open_to_all), "TMP": str(file), "TEMP": f"{fit}/no"}, uid, None)
    assert found.path == "/tmp" and [name for name, _path, _why in found.passed_over] == ["TMPDIR", "TMP", "TEMP"]
    assert [why for _name, _path, why in found.passed_over] == [
        "everybody may write into it and it has no sticky bit",
        "it is no directory with an absolute path",
        "it is not there",
    ]


@pytest.mark.parametrize("mode", [0o500, 0o755])
def test_a_directory_that_the_user_may_not_write_into(tmp_path, mode):
    path = tmp_path / "x"
    path.mkdir()
    path.chmod(mode)
    uid = os.getuid() or 12345
    other = uid if mode == 0o500 and os.getuid() else uid + 1
    found = temporary({"TMPDIR": str(path)}, other, None)
    assert found.passed_over[0][2] == "Sidekiq's user may not write into it"
