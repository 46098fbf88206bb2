# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and writing record files."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host.record_file import Kind
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption, SidekiqError

KIND = Kind("list of things", "test things", 3, "Look elsewhere.", "things_dir")


def test_what_is_written_is_read_again_and_nobody_else_may_read_it(tmp_path):
    path = str(tmp_path / "made" / "things.json")
    record = KIND.begin({"things": ["a", "\u00e9"]})
    KIND.write(path, record)
    assert KIND.read(path) == {"format": "test things", "version": 3, "things": ["a", "\u00e9"]}
    assert os.stat(path).st_mode & 0o777 == 0o600 and os.listdir(tmp_path / "made") == ["things.json"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no list of things: it is no JSON"),
        ("[" * 100_000, "is no list of things: it is no JSON"),
        ("\udcff", "is no list of things: it is no JSON"),
        ("[]", "is no list of things: it does not have the format 'test things'"),
        ('{"format": "another", "version": 3}', "is no list of things: it does not have the format 'test things'"),
        ('{"format": "test things", "version": 4}', "is a list of things of version 4; this release reads version 3"),
        ('{"format": "test things", "version": "\\u001b[2J"}', r"of version \?\[2J; this release"),
        ('{"format": "test things"}', "of version None; this release reads version 3"),
    ],
)
def test_files_that_are_no_record(tmp_path, content, says):
    path = tmp_path / "things.json"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(BadOption, match=says):
        KIND.read(str(path))


def test_a_file_that_is_not_there_or_no_file(tmp_path):
    with pytest.raises(BadOption, match=r"^There is no list of things .*/things.json\. Look elsewhere\.$"):
        KIND.read(str(tmp_path / "things.json"))
    with pytest.raises(BadOption, match=r"^The list of things .* cannot be read: It is not a regular file\. Look"):
        KIND.read(str(tmp_path))


def test_a_directory_that_takes_no_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadOption, match="^things_dir: .*/file is no directory"):
        KIND.write(str(tmp_path / "file" / "things.json"), {})
    with pytest.raises(SidekiqError, match="cannot be written: .* Set things_dir to a directory"):
        KIND.write("/proc/things.json", {})
