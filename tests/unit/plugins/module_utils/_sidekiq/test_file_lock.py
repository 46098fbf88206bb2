# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file says whether an edit still works on it."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq import file_lock
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


@pytest.fixture
def held(tmp_path):
    """A file that an edit holds, by its path and descriptor."""
    path = tmp_path / "archive 'of $(x)"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    file_lock.hold(descriptor)
    yield str(path), descriptor
    os.close(descriptor)


def test_it_is_held_until_it_is_closed(held):
    path, descriptor = held
    assert file_lock.is_held(path)
    second = os.dup(descriptor)  # so that the fixture has something to close
    os.close(descriptor)
    assert file_lock.is_held(path)
    os.close(second)
    assert not file_lock.is_held(path)
    os.open(path, os.O_RDWR)


def test_a_held_file_is_refused_with_a_command_that_can_be_pasted(held, monkeypatch):
    path, _descriptor = held
    monkeypatch.setattr(file_lock, "PATIENCE", 0.0)
    with pytest.raises(BadOption, match="Nothing was restored") as caught:
        file_lock.refuse_held(path)
    command = str(caught.value).partition("fuser -v ")[2]
    assert command == "'" + path.replace("'", "'\"'\"'") + "'"


def test_what_cannot_be_opened_is_not_held(tmp_path):
    assert not file_lock.is_held(str(tmp_path / "none"))
    file_lock.refuse_held(str(tmp_path / "none"))
