# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit.rotation import Turn, is_full


def test_a_window_follows_what_fits_into_the_bytes_of_a_step():
    turn = Turn("id", b"queue:push", 50, 10_000)
    for processed, window in [(50, 200), (200, 800), (800, 1000), (1000, 1000), (30, 30), (1, 1), (1, 4), (4, 16)]:
        turn.advance(turn.left - processed, processed)
        assert turn.window == window
    turn.advance(turn.left - 3, 3, stopped=True)
    assert turn.window == 16
    turn.advance(turn.left - 2, 2, asked=2)
    assert turn.window == 64
    turn.advance(0, turn.left)  # fewer were left than it asked for
    assert turn.window == 64 or turn.ended


@pytest.mark.parametrize(
    ("count", "size", "full"),
    [(0, 0, False), (999, 399_999, False), (1000, 0, True), (1, 400_000, True), (0, 400_000, True)],
)
def test_what_is_enough_for_a_step(count, size, full):
    assert is_full(count, size) is full


def test_a_turn_counts_what_was_turned_and_what_was_fetched():
    turn = Turn("id", b"queue:push", 10, 100)
    turn.advance(90, 10)
    assert (turn.mode, turn.left, turn.passed, turn.at, turn.ended) == ("go on", 90, 10, 0, False)
    turn.advance(70, 10)  # ten more were fetched
    assert (turn.left, turn.passed, turn.at) == (70, 30, 20)
    turn.advance(65, 10)  # and five given back
    assert (turn.left, turn.passed, turn.at) == (65, 35, 25)
    turn.advance(0, 10)
    assert (turn.passed, turn.at, turn.ended, turn.lost) == (100, 90, True, False)


def test_a_turn_that_somebody_else_ended():
    turn = Turn("id", b"queue:push", 10, 100)
    turn.advance(90, 10)
    turn.advance(-1, 0)
    assert (turn.lost, turn.ended, turn.passed) == (True, True, 10)


def test_a_turn_of_an_empty_list_has_ended():
    assert Turn("id", b"queue:push", 10, 0).ended
