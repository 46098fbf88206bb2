# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.runbook import run_record
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption, SidekiqError

NOW = 1795331156.4


def test_names_sort_by_time_and_are_never_the_same():
    first, second = (run_record.new_name("export_rescue", NOW) for _time in range(2))
    assert first.startswith("20261122T070556Z-export_rescue-")
    assert first != second
    assert run_record.new_name("a", NOW + 1) > first


def test_archives_and_steps_are_added_once_in_their_order():
    record = run_record.begun("name", "undo", "why", "alice", "here", NOW, "/archives")
    record = run_record.with_more(record, {"archives": ["/b"], "steps": [{"did": "1"}]})
    record = run_record.with_more(record, {"archives": ["/b", "/a"], "before": {"total": 1}})
    assert (record["archives"], record["steps"]) == (["/b", "/a"], [{"did": "1"}])
    assert (record["before"], record["after"]) == ({"total": 1}, {})
    assert run_record.with_more(record, {"archives": ["/a"], "before": None}) == record


def test_a_step_that_ended_replaces_the_one_that_began():
    begun = {"did": "quarantine", "archive": "/a", "under_way": True}
    record = run_record.begun("name", "r", "why", "alice", "here", NOW, "/archives")
    record = run_record.with_more(record, {"steps": [begun, {"did": "delete", "archive": "/b", "under_way": True}]})
    ended = {"did": "quarantine", "archive": "/a", "jobs": 3}
    record = run_record.with_more(record, {"steps": [ended]})
    assert record["steps"] == [{"did": "delete", "archive": "/b", "under_way": True}, ended]
    assert run_record.with_steps_ended(record)["steps"] == [{"did": "delete", "archive": "/b"}, ended]
    blocks = [{"did": "block", "domain": name, "under_way": True} for name in ("a.example", "b.example")]
    record = run_record.with_more(
        run_record.with_more(record, {"steps": blocks}), {"steps": [{"did": "block", "domain": "a.example"}]}
    )
    assert record["steps"][-2:] == [blocks[1], {"did": "block", "domain": "a.example"}]


def test_a_step_for_an_account_replaces_only_that_of_the_same_account():
    begun = [{"did": "unfollow", "account": name, "outcome": "started", "under_way": True} for name in ("a@b", "c@d")]
    record = run_record.begun("name", "r", "why", "alice", "here", NOW, "/archives")
    record = run_record.with_more(record, {"steps": begun})
    ended = {"did": "unfollow", "account": "a@b", "outcome": "done"}
    assert run_record.with_more(record, {"steps": [ended]})["steps"] == [begun[1], ended]


def test_what_is_written_is_read_again_and_nobody_else_may_read_it(tmp_path):
    directory = tmp_path / "runs"
    record = run_record.begun("name", "undo", "w\u00e9il", "alice", "here", NOW, "/archives")
    path = run_record.path_of(str(directory), "name")
    run_record.write(path, record)
    assert run_record.read(path) == record
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(directory).st_mode & 0o777 == 0o700
    assert run_record.paths(str(directory)) == [path]
    assert run_record.paths(str(tmp_path / "nowhere")) == []


@pytest.mark.parametrize("name", ["../etc/passwd", "", ".hidden", "a/b"])
def test_what_is_no_name_of_a_run(name):
    with pytest.raises(BadOption, match="is no name of a run"):
        run_record.path_of("/runs", name)


def test_a_file_without_the_keys_of_a_record(tmp_path):
    path = tmp_path / "name.json"
    path.write_text('{"format": "fediverse.mastodon run", "version": 1, "archives": 1}', encoding="utf-8")
    missing = "run, .*, archives, archive_dirs, steps, ended_at, closed_at, undone_at"
    with pytest.raises(BadOption, match=f"is damaged: {missing} is not"):
        run_record.read(str(path))


@pytest.mark.parametrize(
    ("key", "value"),
    [("run", "another"), ("who", None), ("ended_at", 1), ("before", []), ("archives", [1]), ("steps", ["did"])],
)
def test_a_record_that_says_something_else_at_a_key(tmp_path, key, value):
    record = {**run_record.begun("name", "undo", "why", "alice", "here", NOW, "/archives"), key: value}
    path = str(tmp_path / "name.json")
    run_record.write(path, record)
    with pytest.raises(BadOption, match=f"is damaged: {key} is not there"):
        run_record.read(path)


@pytest.mark.parametrize("runbook", ["a/b", "", "a" * 101])
def test_a_runbook_that_cannot_be_in_a_name(runbook):
    with pytest.raises(BadOption, match=r"^runbook: "):
        run_record.new_name(runbook, NOW)


def test_a_record_that_is_not_there_and_one_that_cannot_be_written(tmp_path):
    with pytest.raises(BadOption, match="There is no run record"):
        run_record.read(str(tmp_path / "name.json"))
    (tmp_path / "file").write_text("")
    with pytest.raises(BadOption, match="^dir: .*/file is no directory"):
        run_record.write(str(tmp_path / "file" / "name.json"), {})
    with pytest.raises(SidekiqError, match="cannot be written: .* Set dir to a directory"):
        run_record.write("/proc/name.json", {})
