# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes, save points, what a configuration file says, and which settings differ."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.server_config import (
    Settings,
    in_file,
    plan,
    save_points,
    size_in_bytes,
)

BUILT_IN = Settings(0, "noeviction", False, "3600 1 300 100 60 10000")


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1k", 1000), ("1kb", 1024), ("2GB", 2 << 30), (" 3 m ", 3_000_000), ("5b", 5), ("0" * 5000 + "7", 7)],
)
def test_sizes_are_those_of_redis_conf(text, size):
    assert size_in_bytes(text, "maxmemory") == size


@pytest.mark.parametrize("text", ["", "gb", "-1", "1.5gb", "1tb", "50%", "\u0663gb", "17179869184gb", "9" * 5000])
def test_other_sizes_name_the_option(text):
    with pytest.raises(BadOption, match=r"^maxmemory: "):
        size_in_bytes(text, "maxmemory")


def test_save_points():
    assert save_points(" 900  1 300 10 ", "snapshots") == "900 1 300 10"
    assert save_points("", "snapshots") == ""
    assert save_points("0900 0", "snapshots") == "900 0"
    for text in (
        "900",
        "a b",
        "900 1 300",
        "-1 1",
        "0 1",
        "2147483648 1",
        "900 2147483648",
        "\u0663 1",
        "9" * 5000 + " 1",
    ):
        with pytest.raises(BadOption, match=r"^snapshots: "):
            save_points(text, "snapshots")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", {}),
        ("# maxmemory 1gb\nmaxmemory 2gb\n", {"maxmemory": 2 << 30}),
        ("maxmemory 1gb\nMAXMEMORY 2gb\n", {"maxmemory": 2 << 30}),
        ("save 900 1\nsave 300 10\n", {"snapshots": "900 1 300 10"}),
        ('save 900 1\nsave ""\n', {"snapshots": ""}),
        ('save ""\nsave 60 5\n', {"snapshots": "60 5"}),
        ("appendonly yes\nmaxmemory-policy allkeys-lru\n", {"append_only": True, "eviction_policy": "allkeys-lru"}),
    ],
)
def test_what_a_file_says(tmp_path, text, says):
    path = tmp_path / "redis.conf"
    path.write_text(text)
    assert in_file(str(path)) == dataclasses.replace(BUILT_IN, **says)


def test_a_file_that_does_not_tell(tmp_path):
    assert in_file(str(tmp_path / "none")) is None
    for text in ("include /etc/redis/more.conf\n", "maxmemory a lot\n"):
        (tmp_path / "redis.conf").write_text(text)
        assert in_file(str(tmp_path / "redis.conf")) is None


def test_a_plan_names_what_differs_in_the_order_in_which_it_is_set():
    wanted = {"maxmemory": 5, "eviction_policy": "noeviction", "append_only": True, "snapshots": None}
    target, names = plan(BUILT_IN, wanted)
    assert target == Settings(5, "noeviction", True, BUILT_IN.snapshots)
    assert names == ["append_only", "maxmemory"]
    assert plan(target, wanted) == (target, [])
