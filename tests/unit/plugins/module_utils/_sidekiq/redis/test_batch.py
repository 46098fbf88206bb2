# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers in lock step, and what counts as an answer."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.batch import Answer, Batch, together


def answered(reply):
    answer = Answer()
    answer.receive(reply)
    return answer


@pytest.mark.parametrize(("reply", "got"), [(b"x", b"x"), (0, 0), ([], []), (None, "default")])
def test_reply_or_default(reply, got):
    assert answered(reply).get("default") == got


def test_no_reply_yet_is_no_reply():
    assert Answer().get("default") == "default"


def test_a_key_of_another_type_counts_as_absent():
    refusal = Exception("WRONGTYPE Operation against a key holding the wrong kind of value")
    assert answered(refusal).get("default") == "default"


def test_other_refusals_are_raised_unless_tolerated():
    refusal = Exception("NOPERM this user has no permissions to run the 'info' command")
    with pytest.raises(Exception, match="NOPERM"):
        answered(refusal).get("default")
    assert answered(refusal).get("default", tolerant=True) == "default"


def test_readers_of_different_length_run_side_by_side():
    steps = []

    def reader(name, length):
        for step in range(length):
            steps.append((step, name))
            yield
        return name * 2

    found = together(Batch(None), {"a": reader("a", 2), "b": reader("b", 0), "c": reader("c", 3)})
    assert found == {"a": "aa", "b": "bb", "c": "cc"}
    assert steps == [(0, "a"), (0, "c"), (1, "a"), (1, "c"), (2, "c")]


def test_no_question_is_no_round_trip():
    batch = Batch(None)
    batch.send()
    assert together(batch, {}) == {}
    assert batch.round_trips == 0
