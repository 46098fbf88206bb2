# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to run ansible-playbook, as a user does who has set nothing."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from typing import NamedTuple

import pytest

_ONE_CORE = "one_core: depends on no release of ansible-core, so ./dev test runs it on the newest one only"
_NEVER = ("DEPRECATION", "Traceback")


def pytest_configure(config):
    config.addinivalue_line("markers", _ONE_CORE)


def given(variables):
    """Arguments that give variables as people type them: each as a text where that can be, which Ansible then leaves it."""
    arguments, rest = [], {}
    for name, value in variables.items():
        text = ",".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value
        text = str(text).lower() if isinstance(text, bool) else str(text)
        if re.fullmatch(r"[\w./:@,-]+", text) and not isinstance(value, dict) and value is not None:
            arguments += ["-e", f"{name}={text}"]
        else:
            rest[name] = value
    return [*arguments, "-e", json.dumps(rest)]


class Outcome(NamedTuple):
    """How ansible-playbook ended, and all that it printed."""

    status: int
    text: str


@pytest.fixture
def ansible_playbook(tmp_path):
    """Runs ansible-playbook in this test's directory, with a home below it; `never` are words that it may not print,
    `inside` is a command that runs it."""

    def run(playbook, *arguments, variables=None, never=(), inside=(), **environment):
        env = dict(os.environ, ANSIBLE_HOME=str(tmp_path / "home"), ANSIBLE_NOCOLOR="1", HOME=str(tmp_path / "user"))
        # What ansible-core 2.24 makes its default, and what it warns of before.
        env.update(ANSIBLE_INJECT_FACT_VARS="false", ANSIBLE_DEPRECATION_WARNINGS="true", COLUMNS="80", **environment)
        env["PATH"] = os.pathsep.join((str(pathlib.Path(sys.executable).parent), env["PATH"]))
        done = subprocess.run(
            [*inside, "ansible-playbook", str(playbook), *arguments, *given(variables or {})],
            env=env,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        for word in (*_NEVER, *never):
            assert word not in done.stdout, done.stdout
        return Outcome(done.returncode, done.stdout)

    return run
