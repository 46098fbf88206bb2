# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a run names an archive before the first job leaves, and takes no edit when it is over."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.runbook import run_record
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.runbook.edits import Run, check_open
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

NOW = 1795331156.4


@pytest.fixture
def run(tmp_path):
    record = run_record.begun("name", "undo", "why", "alice", "here", NOW, "/archives")
    made = Run(str(tmp_path), "name", "quarantine")
    run_record.write(made.path, record)
    return made


def test_an_archive_is_named_as_one_that_is_being_made(run):
    run.name_archive("/archives/a")
    record = run_record.read(run.path)
    assert record["archives"] == ["/archives/a"]
    assert record["steps"] == [{"did": "quarantine", "archive": "/archives/a", "under_way": True}]


def test_an_archive_into_which_nothing_was_removed_is_forgotten(run):
    run.name_archive("/archives/a")
    run.name_archive("/archives/b")
    run.forget_archive("/archives/a")
    record = run_record.read(run.path)
    assert record["archives"] == ["/archives/b"]
    assert [step["archive"] for step in record["steps"]] == ["/archives/b"]


@pytest.mark.parametrize("mark", run_record.MARKS)
def test_a_run_that_is_over_takes_no_edit_and_stays_as_it_was(run, mark):
    record = {**run_record.read(run.path), f"{mark}_at": "2026-11-22T07:05:56Z"}
    run_record.write(run.path, record)
    for edit in (lambda: check_open(run), lambda: run.name_archive("/archives/a")):
        with pytest.raises(BadOption, match="takes no more edits. Nothing was changed"):
            edit()
    assert run_record.read(run.path) == record


def test_an_open_run_takes_edits(run):
    check_open(run)
    assert run.header == {"run": "name", "run_step": "quarantine"}
