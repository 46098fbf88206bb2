# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits under load, on the Redis and the Valkey that Debian 13 ships."""

from __future__ import annotations

import pytest
import redis

from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import redis_server
from ansible_collections.fediverse.mastodon.tests.redis.edit.test_storm import check_edit_under_load


@pytest.mark.parametrize("program", ["redis-server", "valkey-server"])
def test_edits_under_load_on_what_debian_13_ships(tmp_path, program):
    with redis_server("trixie", tmp_path, program) as url, redis.Redis.from_url(url) as client:
        for seed, state in enumerate(["absent", "moved", "enqueued"]):
            check_edit_under_load(url, client, tmp_path / state, state, seed, 3_000)
