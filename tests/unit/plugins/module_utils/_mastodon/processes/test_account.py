# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account of jobs adds up, whatever became of them."""

from __future__ import annotations

import random

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.account import (
    KEYS,
    account,
    describe,
)

OUTCOMES = [
    "finished",
    "retried",
    "pushed_back",
    "restored",
    "dead",
    "dropped",
    "running",
    "not_known",
    "of a later release",
]


def test_each_outcome_has_one_place():
    assert account(OUTCOMES) == {
        "ran": 9,
        "completed": 1,
        "retried": 1,
        "pushed_back": 1,
        "restored": 1,
        "lost": 2,
        "not_known": 3,
    }


def test_nothing_ran():
    assert account([]) == dict.fromkeys(("ran", *KEYS), 0)


@pytest.mark.parametrize("seed", range(50))
def test_it_adds_up(seed):
    chance = random.Random(seed)
    outcomes = chance.choices(OUTCOMES, weights=[chance.random() for _outcome in OUTCOMES], k=chance.randrange(200))
    found = account(outcomes)
    assert found["ran"] == len(outcomes) == sum(found[key] for key in KEYS)


def test_as_a_line():
    assert describe(account(OUTCOMES)) == (
        "9 jobs ran: 1 finished, 1 to be retried, 1 pushed back by Sidekiq, 1 restored from the job archive, 2 lost, 3 not known"
    )


@pytest.mark.parametrize("key", ["ran", *KEYS])
def test_a_wrong_account_is_not_shown(key):
    found = account(OUTCOMES)
    with pytest.raises(ValueError, match="are accounted for"):
        describe({**found, key: found[key] + 1})
