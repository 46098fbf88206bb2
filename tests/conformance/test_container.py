# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules write in a container that is removed after the run, as in AWX or CI: a warning says that it goes, and how it stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import server

# A mount namespace with the marks of podman, a directory of the container and one that is mounted from outside.
ENTER = """
set -e
mount -t tmpfs tmpfs /run
touch /run/.containerenv
mount -t tmpfs tmpfs "$1"
mkdir "$1/outside"
mount --bind "$2" "$1/outside"
shift 2
exec "$@"
"""
RUN = """
import importlib, json, sys
from ansible.module_utils.testing import patch_module_args
name, options = sys.argv[1], json.loads(sys.argv[2])
module = importlib.import_module(f"ansible_collections.fediverse.mastodon.plugins.modules.{name}")
with patch_module_args(options):
    module.main()
"""


def is_from_outside(path):
    """Whether a mount from here is one that a container would get from outside: not where the tests run in a container themselves."""
    kind = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", path], stdout=subprocess.PIPE, text=True, check=False)
    return kind.stdout.split()[:1] not in (["overlay"], ["tmpfs"])


pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make namespaces")


@pytest.fixture
def contained(tmp_path):
    """Runs a module in such a namespace; returns its warnings."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    enter = ["unshare", "--mount", "sh", "-c", ENTER, "sh", str(inside), str(outside)]

    def run(name, options):
        command = [*enter, sys.executable, "-c", RUN, name, json.dumps(options)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        result = json.loads(done.stdout)
        assert not result.get("failed"), result
        return [json.dumps(warning) for warning in result.get("warnings", [])]

    run.inside, run.outside = inside, inside / "outside"
    return run


@pytest.mark.parametrize("name", ["sidekiq_job", "run_record"])
def test_what_goes_with_the_container(name, contained):
    with server.running("--port", "0", binary="redis-server") as running, running.client() as client:
        client.sadd("queues", "push")

        def warnings(directory):
            client.lpush("queue:push", json.dumps({"class": "A", "args": [], "jid": "1", "queue": "push"}))
            options = {"runbook": "r", "reason": "x", "dir": str(directory)}
            if name == "sidekiq_job":
                options = {
                    "state": "absent",
                    "all": True,
                    "redis_socket": str(running.socket),
                    "archive_dir": str(directory),
                }
            return contained(name, options)

        option = "archive_dir" if name == "sidekiq_job" else "dir"
        [warning] = warnings(contained.inside / "not" / "there")
        assert f"{option}: {contained.inside}/not/there is on a file system of the container" in warning
        assert f"Set {option} to a directory that is mounted into the container from outside" in warning
        if is_from_outside(contained.outside.parent.parent):
            assert warnings(contained.outside) == []
