# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that lost their outcome or were made with another prefix: Redis decides what goes back."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.writer import Writer
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.tests.redis.intents import edit, restore


def push_and_edit(client, directory, **options):
    client.sadd("queues", "push")
    client.rpush("queue:push", *(b'{"class":"A","jid":"%d","queue":"push"}' % number for number in range(9)))
    return edit(client, directory, 1795331156.4, {"state": "absent", "all": True, **options})


def test_an_archive_without_its_outcome_that_redis_still_knows(scratch_redis, tmp_path, monkeypatch):
    monkeypatch.setattr(Writer, "outcome", lambda self, taken: None)
    archive = push_and_edit(scratch_redis, tmp_path)["archive"]
    assert scratch_redis.llen("queue:push") == 0
    result = restore(scratch_redis, archive, 1795331156.4)
    assert (result["restored"], result["warnings"]) == (9, [])
    assert scratch_redis.llen("queue:push") == 9


def test_an_archive_whose_outcome_was_lost_is_restored_only_if_redis_knows_it(scratch_redis, tmp_path):
    archive = push_and_edit(scratch_redis, tmp_path)["archive"]
    content = pathlib.Path(archive).read_bytes()
    pathlib.Path(archive).write_bytes(content[:-3])
    [key] = scratch_redis.keys("fediverse.mastodon:taken:*")
    scratch_redis.rename(key, "elsewhere")
    with pytest.raises(
        BadOption, match="It holds 9 jobs, and nobody knows any more which of them were removed: 0 wait"
    ):
        restore(scratch_redis, archive, 1795331156.4)
    assert scratch_redis.llen("queue:push") == 0
    scratch_redis.rename("elsewhere", key)
    assert restore(scratch_redis, archive, 1795331156.4)["restored"] == 9


def test_an_archive_of_another_key_prefix_is_refused(scratch_redis, tmp_path):
    archive = push_and_edit(scratch_redis, tmp_path)["archive"]
    with pytest.raises(BadOption, match="was made with key_prefix '', this task has 'mastodon:'"):
        restore(scratch_redis, archive, 1795331156.4, "mastodon:")
