# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of rows that were given free."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.released_rows import (
    mark_done,
    read_record,
    write_record,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

ROWS = [{"id": 1}, {"id": 2}, {"id": 3}]


def test_what_is_written_is_read_again_and_nobody_else_may_read_it(tmp_path):
    record = write_record(str(tmp_path / "made"), "mastodon at here", ROWS, 1795331156.4)
    assert read_record(record.path) == record
    assert os.stat(record.path).st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path / "made") == [os.path.basename(record.path)]


def test_rows_that_others_have_put_back_meanwhile_stay_marked(tmp_path):
    record = write_record(str(tmp_path), "mastodon at here", ROWS, 1795331156.4)
    mark_done(record, [1])
    mark_done(record, [3])
    assert read_record(record.path).done == {1, 3}


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "\udcff"])
def test_files_that_are_no_json(tmp_path, content):
    path = tmp_path / "name.json"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(BadOption, match="it is no JSON"):
        read_record(str(path))
