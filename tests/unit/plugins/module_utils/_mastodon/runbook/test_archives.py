# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of a run that was interrupted are found by the name of the run in their headers."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.runbook import run_record
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.runbook.archives import (
    completed,
    directories_of,
    search,
    why_unsure,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.format import Entry
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.reader import read_header
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.writer import Writer

NOW = 1795331156.4


def archive(directory, run="name", now=NOW):
    writer = Writer(str(directory), "absent", "127.0.0.1:6379 db 0", "", now, run=run, run_step="quarantine")
    writer.add(Entry("queue:push", b"{}"))
    writer.seal()
    writer.close()
    return writer.path


def record(directory, archives=()):
    begun = run_record.begun("name", "undo", "why", "alice", "here", NOW, str(directory))
    return {**begun, "archives": list(archives)}


def test_archives_of_the_run_are_added_the_oldest_first(tmp_path):
    newer, older = archive(tmp_path, now=NOW + 60), archive(tmp_path)
    archive(tmp_path, run="another")
    archive(tmp_path, run="")
    found = completed(record(tmp_path), search([str(tmp_path)]))
    assert found["archives"] == [older, newer]
    assert found["steps"][0] == {"did": "quarantine", "archive": older, "under_way": True}


def test_what_the_record_names_is_not_added_again(tmp_path):
    path = archive(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    named = record(tmp_path, [str(tmp_path / "link" / path.rsplit("/", 1)[1])])
    assert completed(named, search([str(tmp_path)])) == named


def test_from_an_archive_without_a_seal_nothing_has_left(tmp_path):
    path = pathlib.Path(archive(tmp_path))
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    assert read_header(str(path)).run == "name"
    (tmp_path / "other.jsonl.gz").write_bytes(b"no archive")
    (tmp_path / "notes").write_text("")
    assert search([str(tmp_path), str(tmp_path / "nowhere")]).found == {}


def test_a_directory_that_cannot_be_read_leaves_it_unsure(tmp_path):
    (tmp_path / "file").write_text("")
    unsure = record(tmp_path / "file", ["/elsewhere/a"])
    assert directories_of(unsure) == [str(tmp_path / "file"), "/elsewhere"]
    [why] = why_unsure(unsure, search(directories_of(unsure)))
    assert why == f"The archive directory {tmp_path / 'file'} cannot be read: Not a directory."
    assert why_unsure(record(tmp_path), search([str(tmp_path)])) == []


@pytest.mark.parametrize("number", [1, 2])
def test_a_directory_is_read_once(tmp_path, number):
    archive(tmp_path)
    assert len(search([str(tmp_path)] * number).found["name"]) == 1
