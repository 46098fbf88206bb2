# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has become of an archive follows from its row and its jobs, whatever their order."""

from __future__ import annotations

import json
import random

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.backup_jobs import BackupJob
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.backup_rows import (
    Backup,
    id_partition,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.match import join
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Work

NOW = 1795331156.0


def row(number, user=None, processed=False):
    return Backup(number, user or number + 100, "alice", processed, "a.zip" if processed else None, None, NOW, NOW)


def job(backup_id, place="queues", jid=None, where=0.0):
    """`where`: the position in a queue, the time in a set, since when it runs."""
    found = parse(
        json.dumps({"class": "BackupWorker", "args": [backup_id], "jid": jid or f"{place}{backup_id}"}).encode()
    )
    if place == "running":
        work = Work("host:1:abc", "t", "pull", where, NOW - where, found)
        return BackupJob(backup_id, place, found, "pull", work=work)
    if place == "queues":
        return BackupJob(backup_id, place, found, "pull", position=int(where))
    return BackupJob(backup_id, place, found, "pull", at=where)


def states(joined):
    return {export.backup_id: export.state for export in joined.exports}


@pytest.mark.parametrize(
    ("place", "state"),
    [("queues", "waiting"), ("scheduled", "scheduled"), ("running", "running"), ("retry", "retrying")],
)
def test_the_state_is_where_the_only_job_is(place, state):
    [export] = join([row(1)], [job(1, place)]).exports
    assert (export.state, export.leading.place, export.duplicate_of) == (state, place, None)
    assert export.surplus == ()


def test_a_row_without_a_job_is_an_orphan():
    [export] = join([row(1)], [job(2)]).exports
    assert (export.state, export.leading, export.certain) == ("orphaned", None, True)
    [export] = join([row(1)], [], silent=True).exports
    assert (export.state, export.certain) == ("orphaned", False)


def test_a_finished_row_is_no_orphan():
    assert join([row(1, processed=True)], []).exports == ()


def test_two_jobs_of_a_row_are_duplicates_and_all_but_the_first_could_go():
    jobs = [job(1, "retry", "a", NOW), job(1, "queues", "b", 5), job(1, "queues", "c", 2)]
    for order in (jobs, jobs[::-1]):
        [export] = join([row(1)], order).exports
        assert (export.state, export.duplicate_of) == ("duplicated", None)
        assert [one.jid for one in export.jobs] == ["c", "b", "a"]
        assert [one.jid for one in export.surplus] == ["b", "a"]


def test_what_runs_leads_and_is_never_surplus():
    [export] = join(
        [row(1)], [job(1, "queues", "a"), job(1, "running", "b", NOW), job(1, "running", "c", NOW - 9)]
    ).exports
    assert [one.jid for one in export.jobs] == ["c", "b", "a"]
    assert [one.jid for one in export.surplus] == ["a"]


def test_of_two_archives_of_a_user_the_later_is_the_duplicate():
    joined = join([row(1, 7), row(2, 7), row(3, 8)], [job(1, where=4), job(2, where=3), job(3, where=1)])
    assert states(joined) == {1: "duplicated", 2: "waiting", 3: "waiting"}
    by_id = {export.backup_id: export for export in joined.exports}
    assert by_id[1].duplicate_of == 2
    assert [one.jid for one in by_id[1].surplus] == ["queues1"]


def test_an_orphan_is_needless_where_the_user_gets_another():
    joined = join([row(1, 7), row(2, 7)], [job(1, "retry", where=NOW)])
    assert states(joined) == {1: "retrying", 2: "orphaned"}
    assert {export.backup_id: export.duplicate_of for export in joined.exports} == {1: None, 2: 1}


def test_of_two_orphans_of_a_user_the_newer_counts():
    joined = join([row(1, 7), row(2, 7)], [])
    assert {export.backup_id: export.duplicate_of for export in joined.exports} == {1: 2, 2: None}


def test_rows_whose_user_is_gone_have_nothing_in_common():
    rows = [Backup(number, None, None, False, None, None, NOW, NOW) for number in (1, 2)]
    assert {export.duplicate_of for export in join(rows, []).exports} == {None}


def test_jobs_that_nobody_waits_for():
    unreadable = job(1)
    unreadable = BackupJob(None, unreadable.place, unreadable.job, "pull", position=0)
    joined = join([row(1, processed=True)], [job(1), job(2), unreadable])
    assert joined.exports == ()
    assert sorted((one.reason, one.job.backup_id) for one in joined.needless if one.job.backup_id) == [
        ("finished", 1),
        ("no_row", 2),
    ]
    assert [one.reason for one in joined.needless if one.job.backup_id is None] == ["no_number"]


def test_without_rows_the_jobs_alone_speak():
    joined = join(
        None, [job(1, "running", where=NOW), job(2), job(2, "retry", where=NOW), job(3, "scheduled", where=NOW)]
    )
    assert states(joined) == {1: "running", 2: "duplicated", 3: "scheduled"}
    assert all(export.backup is None and export.certain for export in joined.exports)
    assert joined.needless == ()


def test_they_come_in_the_order_in_which_they_are_expected():
    jobs = [job(1, "scheduled", where=NOW), job(2, "retry", where=NOW + 9), job(3, "retry", where=NOW)]
    jobs += [job(4, where=8), job(5, where=3), job(6, "running", where=NOW), job(7, "running", where=NOW - 50)]
    rows = [row(number) for number in range(1, 9)]
    shuffled = random.Random(5).sample(jobs, len(jobs))
    assert [export.backup_id for export in join(rows, shuffled).exports] == [7, 6, 5, 4, 3, 2, 1, 8]


@pytest.mark.parametrize(
    ("number", "partition"),
    [(22, "000/000/022"), (123456789, "123/456/789"), (999999999, "999/999/999"), (10**9, "001/000/000/000")],
)
def test_where_the_file_is(number, partition):
    assert id_partition(number) == partition
    assert row(22, processed=True).path == "backups/dumps/000/000/022/original/a.zip"
    assert row(22).path is None
