# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process is silent until a heartbeat that began after the look has arrived."""

from __future__ import annotations

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.heartbeats import MARGIN, Certainty

LOOKED = 1000.0


def test_without_processes_nothing_is_uncertain():
    assert Certainty(LOOKED).silent(LOOKED, {}) == ()


def test_a_heartbeat_within_the_margin_may_have_begun_before_the_look():
    certainty = Certainty(LOOKED)
    assert certainty.silent(LOOKED + MARGIN / 2, {"a": 1.0}) == ("a",)
    assert certainty.silent(LOOKED + MARGIN, {"a": 2.0}) == ("a",)  # the one to compare with
    assert certainty.silent(LOOKED + MARGIN + 5, {"a": 2.0}) == ("a",)
    assert certainty.silent(LOOKED + MARGIN + 9, {"a": 7.0}) == ()


def test_each_process_speaks_for_itself():
    certainty = Certainty(LOOKED)
    certainty.silent(LOOKED + MARGIN, {"b": 1.0, "a": 1.0})
    assert certainty.silent(LOOKED + 5, {"b": 1.0, "a": 6.0}) == ("b",)


def test_one_that_left_runs_nothing_and_one_that_came_has_spoken():
    certainty = Certainty(LOOKED)
    certainty.silent(LOOKED + MARGIN, {"a": 1.0})
    assert certainty.silent(LOOKED + 5, {"new": 1.0}) == ()


def test_a_clock_that_is_set_back_is_another_heartbeat():
    certainty = Certainty(LOOKED)
    certainty.silent(LOOKED + MARGIN, {"a": 5000.0})
    assert certainty.silent(LOOKED + 5, {"a": 10.0}) == ()
