# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from sidekiq_live import RELEASES, Judge, Release, judge, redis_server


@dataclass(frozen=True)
class Live:
    """An empty Redis and the Ruby API of one Sidekiq release on it."""

    release: Release
    url: str
    client: redis.Redis
    judge: Judge
    directory: Path


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: f"sidekiq-{release.version}")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Once for each release that Debian ships, with the Redis of the same Debian."""
    release: Release = request.param
    directory = tmp_path_factory.mktemp(f"sidekiq-{release.version}")
    with (
        redis_server(release.suite, directory) as url,
        judge(release, url, directory) as asked,
        redis.Redis.from_url(url) as client,
    ):
        yield Live(release, url, client, asked, directory)
