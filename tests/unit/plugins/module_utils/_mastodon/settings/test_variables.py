# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which source wins, and what happens to a file that may not be read."""

from __future__ import annotations

import os
import pwd

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings import variables
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.variables import collect
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


def test_strongest_source_wins(tmp_path):
    names = ["TASK", "UNIT", "PRODUCTION_LOCAL", "LOCAL", "PRODUCTION", "DOTENV"]
    files = [".env.production.local", ".env.local", ".env.production", ".env"]
    for index, name in enumerate(files):
        (tmp_path / name).write_text("".join(f"{variable}={name}\n" for variable in names[: index + 3]))
    found = collect(str(tmp_path), {"TASK": "task"}, "u.service", {"TASK": "unit", "UNIT": "unit"})
    assert {name: found.get(name) for name in names} == dict(zip(names, ["task", "unit", *files]))
    assert found.where("TASK") == "TASK in the environment of the task"
    assert found.where("UNIT") == "UNIT in u.service"
    assert found.where("DOTENV") == f"DOTENV in {tmp_path}/.env"
    assert found.where("OTHER") == "OTHER"
    assert found.files == tuple(files)
    assert "OTHER" not in found
    assert found.get("OTHER") is None


def test_expansion_sees_stronger_sources_first(tmp_path):
    (tmp_path / ".env.production").write_text("HOST=own\nREDIS_URL=redis://$HOST:$PORT\n")
    (tmp_path / ".env").write_text("LATER=$REDIS_URL\n")
    found = collect(str(tmp_path), {"HOST": "task"}, "u", {"PORT": "6390"})
    assert found.get("REDIS_URL") == "redis://task:6390"
    assert found.get("LATER") == "redis://task:6390"


def test_command_is_an_error_only_where_it_is_needed(tmp_path):
    (tmp_path / ".env.production").write_text("A=$(cat /secret)\nB=b\nC=$A\n")
    (tmp_path / ".env").write_text("A=weaker\nD=$A\n")
    found = collect(str(tmp_path), {}, "u", {})
    assert found.get("B") == "b"
    for name in ("A", "C", "D"):
        assert name in found
        with pytest.raises(BadOption, match=f"{name} in {tmp_path}/.env.* never run"):
            found.get(name)
    assert collect(str(tmp_path), {"A": "stronger"}, "u", {}).get("A") == "stronger"


def test_no_folder_and_no_files(tmp_path):
    (tmp_path / "file").write_text("")
    for root in (tmp_path, tmp_path / "absent", tmp_path / "file"):
        assert collect(str(root), {}, "u", {}).files == ()


def test_folder_in_place_of_a_file_is_named(tmp_path):
    (tmp_path / ".env.production").mkdir()
    with pytest.raises(BadOption, match=f"{tmp_path}/.env.production cannot be read"):
        collect(str(tmp_path), {}, "u", {})


def test_file_that_may_not_be_read_names_owner_and_become(tmp_path, monkeypatch):
    # Root may read everything: the refusal is made, the rest is real.
    def refuse(path, *_args, **_kwargs):
        raise PermissionError(13, "Permission denied", path)

    (tmp_path / ".env.production.local").write_text("A=b")
    monkeypatch.setattr(variables, "read_regular", refuse)
    with pytest.raises(BadOption) as failure:
        collect(str(tmp_path), {}, "u", {})
    owner = pwd.getpwuid(os.stat(tmp_path).st_uid).pw_name
    text = str(failure.value)
    for word in (f"{tmp_path}/.env.production.local", f"It belongs to {owner}", "become", "redis_url"):
        assert word in text


def test_values_are_not_in_the_repr():
    assert "sesame" not in repr(collect("/nonexistent", {"REDIS_PASSWORD": "sesame"}, "u", {}))
