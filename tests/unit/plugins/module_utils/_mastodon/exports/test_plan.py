# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task may do with the row of an export: nothing as long as a job may still build it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.backup_rows import Backup
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.match import join
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.plan import decide

NOW, HOUR = 1795331156.0, 3600.0
ROW = Backup(7, 107, "alice", False, None, None, NOW - 2 * HOUR, NOW - 2 * HOUR)


def decision(state, row=ROW, **changed):
    [export] = join([row], []).exports
    [made] = decide(state, [replace(export, **changed)], {}, NOW, HOUR)
    return made.outcome, made.reason


@pytest.mark.parametrize("state", ["enqueued", "released"])
def test_an_old_row_that_certainly_has_no_job(state):
    assert decision(state) == (state, None)


@pytest.mark.parametrize("state", ["enqueued", "released"])
def test_what_is_not_certain_or_young_is_kept(state):
    assert decision(state, certain=False) == ("kept", "uncertain")
    assert decision(state, replace(ROW, created_at=NOW - HOUR + 1)) == ("kept", "young")
    assert decision(state, replace(ROW, created_at=NOW - HOUR)) == (state, None)


def test_nothing_is_enqueued_twice_or_for_nobody():
    assert decision("enqueued", duplicate_of=6) == ("kept", "duplicate")
    assert decision("enqueued", replace(ROW, account=None)) == ("kept", "no_user")


def test_a_row_with_a_file_is_never_released():
    assert decision("released", replace(ROW, file="a.zip")) == ("kept", "has_file")
    assert decision("released", replace(ROW, size=5)) == ("kept", "has_file")


@pytest.mark.parametrize(
    ("state", "row", "verdict"),
    [
        ("enqueued", None, ("kept", "gone")),
        ("enqueued", replace(ROW, processed=True), ("unchanged", "finished")),
        ("released", None, ("unchanged", "gone")),
        ("released", replace(ROW, processed=True), ("kept", "finished")),
        ("released", ROW, ("kept", "uncertain")),
    ],
)
def test_rows_that_are_not_pending(state, row, verdict):
    [made] = decide(state, [], {7: row}, NOW, HOUR)
    assert (made.outcome, made.reason) == verdict


def test_decisions_come_by_the_number_of_the_row():
    exports = join([replace(ROW, id=9), replace(ROW, id=3)], []).exports
    assert [made.backup_id for made in decide("enqueued", exports, {5: None}, NOW, HOUR)] == [3, 5, 9]
