# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of rows that were given free."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.released_rows import (
    mark_restored,
    read_released,
    write_released,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

ROWS = [{"id": 1}, {"id": 2}, {"id": 3}]


def test_what_is_written_is_read_again_and_nobody_else_may_read_it(tmp_path):
    released = write_released(str(tmp_path / "made"), "mastodon at here", ROWS, 1795331156.4)
    assert read_released(released.path) == released
    assert os.stat(released.path).st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path / "made") == [os.path.basename(released.path)]


def test_rows_that_others_have_put_back_meanwhile_stay_marked(tmp_path):
    released = write_released(str(tmp_path), "mastodon at here", ROWS, 1795331156.4)
    mark_restored(released, [1])
    mark_restored(released, [3])
    assert read_released(released.path).restored == {1, 3}


@pytest.mark.parametrize(
    ("key", "value"),
    [("database", None), ("rows", {}), ("rows", [{"id": "1"}]), ("rows", [1]), ("restored", ["1"]), ("restored", 1)],
)
def test_a_record_that_says_something_else_at_a_key(tmp_path, key, value):
    released = write_released(str(tmp_path), "mastodon at here", ROWS, 1795331156.4)
    record = json.loads(pathlib.Path(released.path).read_text(encoding="utf-8"))
    pathlib.Path(released.path).write_text(json.dumps({**record, key: value}), encoding="utf-8")
    with pytest.raises(BadOption, match=f"The record of released rows .* is damaged: {key} is not there"):
        read_released(released.path)
