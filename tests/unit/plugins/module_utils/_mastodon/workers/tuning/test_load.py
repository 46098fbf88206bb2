# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether more threads would help."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.load import read_load

from ..hosts import process


def queue(name, latency, *pids):
    return {"name": name, "latency": latency, "size": 1, "processes": [f"host:{pid}:abc" for pid in pids]}


def load(processes, queues, own=("host:1:abc", "host:2:abc")):
    return read_load(processes, queues, own)


@pytest.mark.parametrize(
    ("what", "processes", "queues", "needs_more", "said"),
    [
        (
            "idle",
            [process(1, busy=2)],
            [queue("default", 0.2, 1)],
            False,
            "2 of 25 threads busy at the last heartbeat, no",
        ),
        ("busy, nothing is late", [process(1, busy=20)], [queue("default", 5, 1)], True, "give a reserve"),
        (
            "late",
            [process(1, busy=24)],
            [queue("default", 6, 1)],
            True,
            "default 6 s (limit 5 s, 24 of its 25 threads busy)",
        ),
        ("pull may wait for 5 min", [process(1, busy=2)], [queue("pull", 290, 1)], False, "no queue is late"),
        (
            "late, though idle",
            [process(1, busy=2)],
            [queue("push", 600, 1)],
            False,
            "playbook fediverse.mastodon.health",
        ),
        ("nobody serves it", [process(1, busy=2)], [queue("push", 600)], False, "(limit 10 s, no process serves it)"),
        (
            "only the one that serves it is busy",
            [process(1, busy=0), process(2, busy=25)],
            [queue("pull", 4000, 2)],
            True,
            "25 of 50 threads busy at the last heartbeat; late: pull 67 min (limit 5 min, 25 of its 25 threads busy)",
        ),
        ("a dead process counts for nothing", [process(1, busy=25, alive=False)], [], True, "unknown"),
        ("nor a quiet one", [process(1, busy=25, quiet=True), process(2, busy=0)], [], False, "0 of 25"),
        ("nor one of another host", [process(1, busy=0), process(9, busy=25)], [], False, "0 of 25"),
        ("nothing runs", [], [], True, "no Sidekiq process of this host has a heartbeat"),
    ],
)
def test_load(what, processes, queues, needs_more, said):
    found = load(processes, queues)
    assert found.needs_more is needs_more, (what, found.sentence)
    assert said in found.sentence


def test_the_latest_queue_comes_first_and_no_name_is_printed_raw():
    found = load([process(1, busy=25)], [queue("pull\x1b[2J", 400, 1), queue("default", 500, 1)])
    assert [late.name for late in found.late][0] == "default"
    assert "\x1b" not in found.sentence
