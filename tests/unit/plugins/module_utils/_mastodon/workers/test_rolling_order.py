# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of change: no queue left alone, never two schedulers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.rolling_order import Move, order

ALL = frozenset({"default", "push", "pull", "scheduler"})


def served(**units):
    return {name: frozenset(queues.split()) for name, queues in units.items()}


@pytest.mark.parametrize(
    ("running", "wanted", "restart", "moves"),
    [
        ({}, {}, [], []),
        ({"stock": ALL}, {"stock": ALL}, [], []),
        ({}, {"stock": ALL}, [], [Move((), ("stock",))]),
        # alone with its queues: no time to drain
        ({"stock": ALL}, {"stock": ALL}, ["stock"], [Move(("stock",), ("stock",))]),
        # new ones first, then the stock unit gives up what they have
        (
            {"stock": ALL},
            served(stock="default scheduler", push="push", pull="pull"),
            ["stock"],
            [Move((), ("pull", "push")), Move(("stock",), ("stock",))],
        ),
        # and back: the stock unit takes all before the others go, and they have time
        (
            served(stock="default scheduler", push="push", pull="pull"),
            {"stock": ALL},
            ["stock"],
            [Move(("stock",), ("stock",)), Move(("pull", "push"), (), True)],
        ),
        # the scheduler goes to a new unit: the old process stops before that starts
        (
            {"stock": ALL},
            served(stock="default push pull", other="scheduler"),
            ["stock"],
            [Move(("stock",), ("other", "stock"))],
        ),
        # and to one that runs
        (
            served(a="default scheduler", b="push pull"),
            served(a="default", b="push pull scheduler"),
            ["a", "b"],
            [Move(("a", "b"), ("a", "b"))],
        ),
        # from one that goes
        (
            served(a="default push pull", b="scheduler"),
            served(a="default push pull scheduler"),
            ["a"],
            [Move(("a", "b"), ("a",))],
        ),
        # queues that change places
        (
            served(a="default scheduler", b="push", c="pull"),
            served(a="default scheduler", b="pull", c="push"),
            ["b", "c"],
            [Move(("b", "c"), ("b", "c"))],
        ),
        # who takes goes before who gives
        (
            served(a="default scheduler push", b="pull"),
            served(a="default scheduler", b="pull push"),
            ["a", "b"],
            [Move(("b",), ("b",)), Move(("a",), ("a",))],
        ),
        # a quiet one serves nothing
        (served(a=""), {"a": ALL}, ["a"], [Move(("a",), ("a",), True)]),
        # two of the same take turns, each with time to drain
        (
            served(a="push", b="push"),
            served(a="push", b="push"),
            ["a", "b"],
            [Move(("a",), ("a",), True), Move(("b",), ("b",), True)],
        ),
    ],
)
def test_order(running, wanted, restart, moves):
    assert order(running, wanted, restart) == moves


def test_queues_of_other_hosts_cover():
    [move] = order(served(a="pull"), served(a="pull"), ["a"], elsewhere=["pull"])
    assert move.drain


def everything(units):
    return frozenset().union(*units.values())


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
SETS = st.dictionaries(NAMES, st.frozensets(st.sampled_from(["default", "push", "pull"])), max_size=5)


@given(SETS, SETS, st.none() | NAMES, st.none() | NAMES)
def test_whatever_changes(before, after, scheduler_before, scheduler_after):
    running = {name: queues | ({"scheduler"} if name == scheduler_before else set()) for name, queues in before.items()}
    wanted = {name: queues | ({"scheduler"} if name == scheduler_after else set()) for name, queues in after.items()}
    restart = {name for name in running if name in wanted and running[name] != wanted[name]}
    kept = everything(running) & everything(wanted)
    now = dict(running)
    for move in order(running, wanted, restart):
        during = {name: queues for name, queues in now.items() if name not in move.down}
        if move.drain:
            assert (everything(now) & kept) <= everything(during)
        now = {**during, **{name: wanted[name] for name in move.up}}
        assert kept <= everything(now)
        assert sum("scheduler" in queues for queues in now.values()) <= 1
    assert now == wanted
