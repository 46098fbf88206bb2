# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web and streaming servers of the instance, and jemalloc."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.surroundings import (
    jemalloc,
    streaming_servers,
    web_server,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.units import Unit


def test_web_server(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    units = [
        Unit("x-web.service", command="/bin/bundle exec puma -C config/puma.rb", directory=str(other)),
        Unit("y-web.service", command="/bin/bundle exec puma -C config/puma.rb", directory=str(tmp_path)),
    ]
    assert web_server(units, str(tmp_path)).name == "y-web.service"
    assert web_server([Unit("mastodon-web.service")], str(tmp_path)).name == "mastodon-web.service"
    assert web_server([Unit("pumax.service", command="/bin/pumax")], str(tmp_path)) is None


def test_streaming_servers():
    units = [
        Unit("mastodon-streaming.service", "active", kind="oneshot"),
        Unit("mastodon-streaming@4000.service", "active"),
        Unit("mastodon-streaming@4001.service", "failed"),
    ]
    assert [unit.name for unit in streaming_servers(units, None)] == ["mastodon-streaming@4000.service"]


@pytest.mark.parametrize(
    ("libraries", "name"),
    [
        ("\tlibjemalloc.so.2 (libc6,x86-64) => /lib/x\n", "libjemalloc.so.2"),
        ("\tlibjemalloc.so.2 (x) => /a\n\tlibjemalloc.so (x) => /b\n", "libjemalloc.so"),
        ("\tlibnotjemalloc.so.2 (x) => /a\n", None),
        ("", None),
    ],
)
def test_jemalloc(libraries, name):
    assert jemalloc(lambda command: (0, libraries, "")) == name


def test_no_ldconfig():
    def absent(command):
        raise FileNotFoundError(command[0])

    assert jemalloc(absent) is None
