# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of an edit or of its undoing, at any point: nothing is lost, nothing is there twice, and a second run ends it."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import restore, rotation
from ansible_collections.fediverse.mastodon.tests.redis import victim
from ansible_collections.fediverse.mastodon.tests.redis.killing import STATES, Round

KILLS = 10


@pytest.fixture(autouse=True)
def many_steps(monkeypatch):
    """Steps of a few jobs, so that a small queue needs as many as a large one."""
    monkeypatch.setattr(rotation, "_LARGEST", 7)
    monkeypatch.setattr(rotation, "_ABANDONED", 0.02)
    monkeypatch.setattr(restore, "_STEP", 5)


def points(redis_process, client, directory, state, undo=False):
    """Some of the points that an edit or its undoing passes, evenly from the first to the last."""
    whole = Round(redis_process.url, client, directory, state)
    whole.task.run()  # with all scripts loaded a run passes the same points again
    whole = Round(redis_process.url, client, directory / "whole", state)
    end = victim.run(whole.task)
    if undo:
        end = victim.run(whole.undoing(whole.archives()[0]))
    assert end.points > 20
    return sorted({round(end.points * number / KILLS) for number in range(KILLS)})


@pytest.mark.parametrize("state", STATES)
def test_an_edit_is_killed(redis_process, scratch_redis, tmp_path, state):
    for point in points(redis_process, scratch_redis, tmp_path, state):
        killed = Round(redis_process.url, scratch_redis, tmp_path / str(point), state)
        victim.run(killed.task, at_point=point)
        killed.check_books()
        killed.run_again()
        killed.restore_all()
        killed.check_beginning()


@pytest.mark.parametrize("state", STATES)
def test_its_undoing_is_killed(redis_process, scratch_redis, tmp_path, state):
    for point in points(redis_process, scratch_redis, tmp_path, state, undo=True):
        killed = Round(redis_process.url, scratch_redis, tmp_path / str(point), state)
        killed.run_again()
        undoing = killed.undoing(killed.archives()[0])
        victim.run(undoing, at_point=point)
        killed.check_books()
        killed.restore_all()
        killed.check_beginning()
        assert undoing.run()["restored"] == 0
