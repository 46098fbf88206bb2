# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes are dead because a newer one has their host name and pid."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.superseded import superseded


def process(nonce, started_at=None, beat=None, host="7207be031381", pid=1):
    return Process(
        f"{host}:{pid}:{nonce}", started_at is not None, host, pid, started_at=started_at, beat=beat, concurrency=25
    )


NEWER = process("new", 1000.0, 1040.0)


@pytest.mark.parametrize(
    "older",
    [
        pytest.param(process("old", 400.0, 995.0), id="crashed before the newer one started"),
        pytest.param(process("old"), id="its heartbeat has expired"),
    ],
)
def test_the_older_of_two_with_one_host_and_pid_is_dead(older):
    assert superseded([older, NEWER]) == superseded([NEWER, older]) == {older.identity}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(process("old", 400.0, 1035.0), id="two containers of one name: both send heartbeats"),
        pytest.param(process("old", 400.0, 995.0, pid=2), id="another pid"),
        pytest.param(process("old", 400.0, 995.0, host="other"), id="another host"),
        pytest.param(process("old", 400.0, None), id="nobody knows when it sent its last heartbeat"),
        pytest.param(process("old", 1000.0, 995.0), id="started in the same moment"),
    ],
)
def test_another_process_is_not_dead(other):
    assert superseded([other, NEWER]) == frozenset()


def test_every_older_one_of_a_container_that_crashes_again_and_again():
    crashed = [process(f"n{number}", 100.0 * number, 100.0 * number + 50) for number in range(1, 6)]
    assert superseded([*crashed, NEWER]) == {found.identity for found in crashed}


def test_processes_that_share_nothing_or_name_no_host():
    assert superseded([]) == superseded([NEWER]) == frozenset()
    assert superseded([Process("no colon", False), Process("neither", False)]) == frozenset()
