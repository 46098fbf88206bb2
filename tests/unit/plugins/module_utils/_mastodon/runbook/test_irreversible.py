# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What undo says of steps that it cannot take back."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.runbook.irreversible import irreversible

DONE = "gone.example: 12 accounts and 1 custom emojis removed."


def steps(*found):
    return irreversible({"steps": list(found)})


def ended(outcome, sentence=DONE):
    return {"did": "purge", "outcome": outcome, "results": [{"outcome": outcome, "sentence": sentence}]}


@pytest.mark.parametrize("outcome", ["done", "partial", "failed"])
def test_what_tootctl_did(outcome):
    assert steps(ended(outcome)) == [DONE]


def test_a_step_that_never_ended():
    begun = {"did": "purge", "of": ["gone.example"], "outcome": "started", "under_way": True}
    [sentence] = steps({"did": "quarantine", "archive": "/a"}, begun)
    assert sentence.startswith("purge of gone.example was started, and its end is not recorded: ")
    assert "nothing, a part or all" in sentence


def test_what_can_be_undone_or_did_nothing():
    assert steps({"did": "quarantine", "archive": "/a", "jobs": 3}, ended("nothing")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "started"},
        {"outcome": "done"},
        {"outcome": "done", "results": "x"},
        {"outcome": "done", "results": [1]},
        {"outcome": ["done"], "results": [{}]},
        {"outcome": "started", "did": None, "of": 7},
    ],
)
def test_a_record_that_somebody_has_edited(wrong):
    assert all(isinstance(sentence, str) for sentence in steps(wrong))


def test_what_it_names_is_one_line_of_text():
    [sentence] = steps({"did": "purge", "of": ["\x1b[31mred\n.example"], "outcome": "started"})
    assert "\x1b" not in sentence and "\n" not in sentence
