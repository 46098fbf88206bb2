# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and real Sidekiqs that the conformance tests share, and the Redis of tests/redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import RELEASES, Live, Release, open_live
from ansible_collections.fediverse.mastodon.tests.lab import postgres as postgresql
from ansible_collections.fediverse.mastodon.tests.redis.conftest import pytest_configure, redis_process, scratch_redis

__all__ = ["live", "postgres", "postgres_process", "pytest_configure", "redis_process", "scratch_redis"]


@pytest.fixture(scope="session")
def postgres_process():
    """A private PostgreSQL; the system's user nobody has a role in it."""
    with postgresql.running(peers=("nobody",)) as running:
        yield running


@pytest.fixture
def postgres(postgres_process):
    """With the tables of Mastodon, all empty."""
    postgres_process.clear()
    return postgres_process


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: f"sidekiq-{release.version}")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Once for each release that Debian ships, with the Redis of the same Debian; empty at the start of a module."""
    release: Release = request.param
    with open_live(release, tmp_path_factory.mktemp(f"sidekiq-{release.version}")) as opened:
        yield opened
