# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits that belong to a run: its record names their archive before the first job leaves, wherever the edit is killed."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq import file_lock
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit import restore, rotation
from ansible_collections.fediverse.mastodon.tests.redis import modules, storm, victim
from ansible_collections.fediverse.mastodon.tests.redis.killing import STATES, Round

KILLS = 12
ALL = {"state": "absent", "sets": ["queues"], "all": True}


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def begin(runs, tmp_path):
    """Begins a run whose archives are in this test's directory; its name."""

    def begin(archives=tmp_path):
        where = {"dir": str(runs), "archive_dir": str(archives)}
        return modules.run("run_record", runbook="federation_rescue", reason="a test", **where)["run"]

    return begin


@pytest.fixture
def edit(redis_process, runs, tmp_path):
    """Runs sidekiq_job for a run."""

    def edit(run, check_mode=False, **options):
        where = {"redis_url": redis_process.url, "archive_dir": str(tmp_path), "runs_dir": str(runs)}
        return modules.run("sidekiq_job", check_mode, run=run, **where, **{**ALL, **options})

    return edit


def record_of(runs, run):
    """What the file of the record says, and nothing else."""
    return json.loads((runs / f"{run}.json").read_text())


def completed(runs, run):
    """What run_record_info makes of it: the record, and why that is not sure."""
    found = modules.run("run_record_info", dir=str(runs), run=run)
    return found["records"][0], found["unsure"]


def untouched(client, before):
    """Whether all jobs are where they were."""
    now = storm.look(client)
    return (
        now.queues == {name: sidekiq_job for name, sidekiq_job in before.queues.items() if sidekiq_job}
        and now.sets == before.sets
    )


def part_of(task, run, runs):
    return dataclasses.replace(task, options={**task.options, "run": run, "runs_dir": str(runs)})


@pytest.mark.parametrize("state", STATES)
def test_an_edit_that_is_killed_is_undone_by_its_record(
    redis_process, scratch_redis, tmp_path, runs, begin, monkeypatch, state
):
    monkeypatch.setattr(rotation, "_LARGEST", 7)
    monkeypatch.setattr(rotation, "_ABANDONED", 0.02)
    monkeypatch.setattr(restore, "_STEP", 5)
    Round(redis_process.url, scratch_redis, tmp_path, state).task.run()  # loads the scripts
    whole = Round(redis_process.url, scratch_redis, tmp_path / "whole", state)
    points = victim.run(part_of(whole.task, begin(tmp_path / "whole"), runs)).points
    named = 0
    for point in sorted({round(points * number / KILLS) for number in range(KILLS)}):
        directory = tmp_path / str(point)
        run = begin(directory)
        killed = Round(redis_process.url, scratch_redis, directory, state)
        victim.run(part_of(killed.task, run, runs), at_point=point)
        archives = record_of(runs, run)["archives"]
        assert archives or untouched(scratch_redis, killed.before)
        named += bool(archives)
        record, unsure = completed(runs, run)
        assert record["archives"][: len(archives)] == archives and not unsure, "one that is whole may not be named yet"
        for path in reversed(record["archives"]):
            killed.undoing(path).run()
        killed.check_beginning()
    assert named >= 2


def test_a_step_is_in_the_record_while_the_edit_runs_and_after(scratch_redis, runs, begin, edit):
    storm.fill(scratch_redis, 1, 30, 0)
    run = begin()
    done = edit(run, run_step="quarantine")
    record = record_of(runs, run)
    assert record["archives"] == [done["archive"]] and done["edited"] > 0
    assert record["steps"] == [{"did": "quarantine", "archive": done["archive"], "under_way": True}]
    ended = {"did": "quarantine", "archive": done["archive"], "jobs": done["edited"]}
    modules.run("run_record", dir=str(runs), run=run, steps=[ended])
    assert record_of(runs, run)["steps"] == [ended]


def test_an_edit_that_finds_nothing_leaves_no_trace(scratch_redis, tmp_path, runs, begin, edit):
    run = begin()
    before = record_of(runs, run)
    assert not edit(run)["changed"] and record_of(runs, run) == before and not list(tmp_path.glob("*.gz"))


def test_an_edit_that_comes_too_late_leaves_no_trace(redis_process, scratch_redis, tmp_path, runs, begin, monkeypatch):
    storm.fill(scratch_redis, 1, 30, 0)
    run = begin()
    before = record_of(runs, run)
    from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs import edit as editing

    named = []

    def apply(archive, spool, taker, real=editing.apply):
        named.extend(record_of(runs, run)["archives"])
        scratch_redis.delete(*scratch_redis.keys("queue:*"))  # all of them run
        return real(archive, spool, taker)

    monkeypatch.setattr(
        "ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules.sidekiq_job.apply", apply
    )
    where = {"redis_url": redis_process.url, "archive_dir": str(tmp_path), "runs_dir": str(runs)}
    done = modules.run("sidekiq_job", run=run, **where, **ALL)
    assert len(named) == 1 and done["edited"] == 0 and done["archive"] is None
    assert record_of(runs, run) == before and not list(tmp_path.glob("*.gz"))


@pytest.mark.parametrize("mark", ["ended", "closed", "undone"])
def test_a_run_that_is_over_takes_no_edit(scratch_redis, tmp_path, runs, begin, edit, mark):
    before = storm.fill(scratch_redis, 1, 30, 0)
    run = begin()
    modules.run("run_record", dir=str(runs), run=run, **{mark: True})
    said = edit(run)
    assert said["failed"] and f"the run {run} " in said["msg"] and "takes no more edits" in said["msg"]
    assert untouched(scratch_redis, before) and not list(tmp_path.glob("*.gz"))


def test_a_run_that_is_closed_while_an_edit_plans(redis_process, scratch_redis, tmp_path, runs, begin, monkeypatch):
    before = storm.fill(scratch_redis, 1, 30, 0)
    run = begin()
    from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job

    def plan_edit(*args, real=sidekiq_job.plan_edit):
        modules.run("run_record", dir=str(runs), run=run, closed=True)
        return real(*args)

    monkeypatch.setattr(sidekiq_job, "plan_edit", plan_edit)
    where = {"redis_url": redis_process.url, "archive_dir": str(tmp_path), "runs_dir": str(runs)}
    said = modules.run("sidekiq_job", run=run, **where, **ALL)
    assert said["failed"] and "was closed, which undo does" in said["msg"]
    assert untouched(scratch_redis, before) and not list(tmp_path.glob("*.gz"))


def test_a_run_that_is_not_there(scratch_redis, edit, tmp_path):
    before = storm.fill(scratch_redis, 1, 30, 0)
    run = "20261126T100000Z-x-aaaaaa"
    assert "There is no run record" in edit(run)["msg"]
    assert edit(run, check_mode=True)["edited"] > 0, "in check mode a runbook has no record"
    assert untouched(scratch_redis, before) and not list(tmp_path.glob("*.gz"))


def test_an_archive_that_the_record_lost_is_found_by_its_header(scratch_redis, runs, begin, edit):
    storm.fill(scratch_redis, 1, 30, 0)
    other, run = begin(), begin()
    edit(other, limit=3)
    archive = edit(run, run_step="quarantine")["archive"]
    path = runs / f"{run}.json"
    path.write_text(json.dumps({**record_of(runs, run), "archives": [], "steps": []}))
    record, unsure = completed(runs, run)
    assert (record["archives"], unsure) == ([archive], [])
    assert record["steps"] == [{"did": "quarantine", "archive": archive, "under_way": True}]
    modules.run("run_record", dir=str(runs), run=run, ended=True)
    assert completed(runs, run)[0]["archives"] == [], "a run that came to its end has named all"


def test_a_directory_of_archives_that_cannot_be_read(runs, begin, tmp_path):
    (tmp_path / "file").write_text("")
    run = begin(tmp_path / "file")
    [unsure] = completed(runs, run)[1]
    assert unsure["run"] == run and "file cannot be read: Not a directory." in unsure["reason"]
    assert completed(runs, begin(tmp_path / "nowhere"))[1] == [], "where nothing is nothing was written"


def test_an_edit_that_still_runs_is_waited_for(redis_process, scratch_redis, begin, edit, monkeypatch):
    storm.fill(scratch_redis, 1, 30, 0)
    done = edit(begin())
    descriptor = os.open(done["archive"], os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # as the module does while it edits
    monkeypatch.setattr(file_lock, "PATIENCE", 0.3)
    task = {"redis_url": redis_process.url, "path": done["archive"]}
    said = modules.run("sidekiq_archive", **task)
    assert said["failed"] and f"The edit that wrote {done['archive']} still runs after 0.3 s" in said["msg"]
    os.close(descriptor)
    assert modules.run("sidekiq_archive", **task)["restored"] == done["edited"]


def test_the_lock_is_held_until_the_edit_has_ended(redis_process, scratch_redis, tmp_path, monkeypatch):
    storm.fill(scratch_redis, 1, 30, 0)
    from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job

    said = []

    def apply(archive, spool, taker, real=sidekiq_job.apply):
        monkeypatch.setattr(file_lock, "PATIENCE", 0.0)
        with pytest.raises(Exception, match="still runs"):
            file_lock.refuse_held(archive.path)
        taken = real(archive, spool, taker)
        with pytest.raises(Exception, match="still runs"):
            file_lock.refuse_held(archive.path)
        said.append(archive.path)
        return taken

    monkeypatch.setattr(sidekiq_job, "apply", apply)
    modules.run("sidekiq_job", redis_url=redis_process.url, archive_dir=str(tmp_path), **ALL)
    file_lock.refuse_held(*said)
