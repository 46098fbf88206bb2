# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""run_record and run_record_info on real files: several writers at once, and files that are no records."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.fediverse.mastodon.tests.redis import modules

RUN = "20261126T100000Z-x-aaaaaa"


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def begun(directory):
    """A record, by its name."""
    return modules.run("run_record", dir=str(directory), runbook="export_rescue", reason="a test")["run"]


@pytest.fixture
def warned(monkeypatch):
    said = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, warning: said.append(warning))
    return said


def add_many(directory, run, writer, start):
    start.wait()
    for number in range(15):
        assert modules.run("run_record", dir=str(directory), run=run, archives=[f"/{writer}-{number}"])["changed"]


def test_several_writers_lose_nothing(directory, begun):
    forked = multiprocessing.get_context("fork")
    start = forked.Barrier(3)
    writers = [forked.Process(target=add_many, args=(directory, begun, number, start)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    [record] = modules.run("run_record_info", dir=str(directory))["records"]
    assert sorted(record["archives"]) == sorted(f"/{writer}-{number}" for writer in range(3) for number in range(15))
    assert os.listdir(directory) == [f"{begun}.json"], "nothing else is left"


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_run_that_is_not_there(directory, check_mode):
    said = modules.run("run_record", check_mode, dir=str(directory), run=RUN, ended=True)
    assert f"There is no run record {directory}/{RUN}.json." in said["msg"] and not directory.exists()


@pytest.mark.parametrize("name", [f"{RUN}.json", ".hid den.json"])
@pytest.mark.parametrize(
    "content",
    ['{"format": "fedi', "[" * 100_000, '{"format": "fediverse.mastodon run", "version": 1, "run": "x"}'],
    ids=["truncated", "deep", "empty"],
)
def test_what_is_no_record_is_warned_of_and_left_out(directory, begun, warned, name, content):
    (directory / name).write_text(content)
    found = modules.run("run_record_info", dir=str(directory))
    assert [record["run"] for record in found["records"]] == [begun]
    assert found["unreadable"] == [name[: -len(".json")]]
    [warning] = warned
    assert f"{directory}/{name}" in warning and warning.endswith(" It is left out.")
    assert modules.run("run_record_info", dir=str(directory), run=begun)["records"] == found["records"]
    assert modules.run("run_record", dir=str(directory), run=begun, undone=True)["changed"]


def test_a_run_that_is_named_must_be_a_record(directory, begun):
    (directory / f"{RUN}.json").write_text("{")
    for module in ("run_record", "run_record_info"):
        said = modules.run(module, dir=str(directory), run=RUN)
        assert said["failed"] and said["msg"] == (
            f"{directory}/{RUN}.json is no run record: it is no JSON that can be read."
        )


def test_a_copy_of_a_record_is_not_a_second_one(directory, begun, warned):
    (directory / f"{RUN}.json").write_bytes((directory / f"{begun}.json").read_bytes())
    assert len(modules.run("run_record_info", dir=str(directory))["records"]) == len(warned) == 1


@pytest.mark.parametrize("runbook", ["my/book", "a" * 101, "e\u0301"])
def test_a_runbook_that_makes_no_name(directory, runbook):
    said = modules.run("run_record", dir=str(directory), runbook=runbook, reason="a test")
    assert said["failed"] and said["msg"].startswith("runbook: ")


def test_a_directory_that_is_a_file(directory):
    directory.write_text("")
    for options in ({"runbook": "x", "reason": "a test"}, {"run": RUN}):
        said = modules.run("run_record", dir=str(directory), **options)
        assert said["failed"] and ("is no directory." in said["msg"] or "Not a directory." in said["msg"])
    assert "Not a directory" in modules.run("run_record_info", dir=str(directory))["msg"]
    with open(directory) as file:
        assert file.read() == ""


def test_a_record_says_what_it_is(directory, begun):
    record = json.loads((directory / f"{begun}.json").read_text())
    assert modules.run("run_record_info", dir=str(directory), run=begun)["records"] == [record]
