# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Heartbeats that no process of this host has: those of other hosts, and those of processes that were killed."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import mastodon_info
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process

HERE = os.uname().nodename
NO_PID = 2**22 + 1  # more than any Linux gives (PID_MAX_LIMIT)


@pytest.mark.parametrize(
    ("hostname", "pid", "killed"),
    [(HERE, NO_PID, True), (HERE, os.getpid(), False), (f"not-{HERE}", NO_PID, False)],
    ids=["gone", "running", "on another host"],  # pytest-xdist wants the same names in each of its processes
)
def test_who_was_killed(hostname, pid, killed):
    process = Process(f"{hostname}:{pid}:abc", True, hostname, pid, queues=("pull",))
    [shown] = mastodon_info._elsewhere([process])
    assert shown == {"identity": process.identity, "queues": ["pull"], "quiet": False, "killed": killed}
