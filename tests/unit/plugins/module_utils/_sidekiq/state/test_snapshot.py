# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot adds up. What it reads is judged by the recorded vectors and counted on the wire elsewhere."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.queue import Queue
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import PARTS, Snapshot

NOTHING = Snapshot(
    taken_at=0.0,
    clock_offset=0.0,
    counters=None,
    queues=None,
    sets=None,
    processes=None,
    work=None,
    schedule=None,
    server=None,
    locks=None,
    round_trips=0,
)


def queue(name, size, registered=True):
    return Queue(name, size, 0.0, paused=False, registered=registered, next_job=None)


SNAPSHOT = Snapshot(
    **{
        **vars(NOTHING),
        "queues": (queue("push", 3), queue("pull", 4), queue("lost", 5, registered=False)),
        "processes": (
            Process("a:1:x", alive=True, queues=("push", "pull")),
            Process("b:1:x", alive=True, quiet=True, queues=("pull",)),
            Process("c:1:x", alive=False),
        ),
    }
)


def test_jobs_in_unregistered_queues_are_not_enqueued():
    assert SNAPSHOT.enqueued == 7


def test_alive_and_ghosts():
    assert [process.identity for process in SNAPSHOT.alive] == ["a:1:x", "b:1:x"]
    assert [process.identity for process in SNAPSHOT.ghosts] == ["c:1:x"]


@pytest.mark.parametrize(("name", "serving"), [("push", ["a:1:x"]), ("pull", ["a:1:x", "b:1:x"]), ("pus", [])])
def test_serving(name, serving):
    assert [process.identity for process in SNAPSHOT.serving(name)] == serving


def test_what_was_not_read_adds_up_to_nothing():
    assert (NOTHING.enqueued, NOTHING.alive, NOTHING.ghosts, NOTHING.serving("push")) == (0, (), (), ())


def test_every_part_has_its_place():
    assert set(PARTS) <= set(vars(NOTHING))
