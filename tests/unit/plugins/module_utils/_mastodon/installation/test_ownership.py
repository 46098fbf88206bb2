# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a Sidekiq is: by root, Redis and user, as far as they are known."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.ownership import (
    Instance,
    Owner,
    effective_redis,
    judge,
    known_root,
    same_redis,
    same_root,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.settings import (
    ConnectionSettings as Redis,
)

LOCAL = Redis(host="127.0.0.1")


@pytest.fixture
def roots(tmp_path):
    for name in ("live", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".env.production").write_text("REDIS_HOST=localhost\n")
    return tmp_path


def verdict(owner, instance=None, **fields):
    found = judge(
        owner, Instance(**{"root": None, "uid": None, "redis": LOCAL, **fields}) if instance is None else instance
    )
    return found.ours, found.reason


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Redis(host="localhost"), Redis(host="127.0.0.1"), True),
        (Redis(host="::1"), Redis(host="127.0.0.1"), True),
        (Redis(host="LOCALHOST."), Redis(host="127.1.2.3"), True),
        (Redis(host="10.0.0.5"), Redis(host="10.0.0.5"), True),
        (Redis(host="::ffff:10.0.0.5"), Redis(host="10.0.0.5"), True),
        (Redis(port=6379), Redis(port=6380), False),
        (Redis(db=0), Redis(db=1), False),
        (Redis(host="redis", db=0), Redis(host="10.0.0.5", db=1), False),
        (Redis(key_prefix="a:"), Redis(), False),
        (Redis(host="redis"), Redis(host="10.0.0.5"), None),
        (Redis(host="10.0.0.6"), Redis(host="10.0.0.5"), None),
        (Redis(socket="/run/redis.sock"), Redis(host="localhost"), None),
        (Redis(socket="/run/redis.sock"), Redis(socket="/run/./redis.sock"), True),
        (Redis(socket="/run/redis.sock"), Redis(socket="/run/other.sock"), False),
        (
            Redis(sentinels=(("a", 1), ("b", 1)), sentinel_service="m"),
            Redis(sentinels=(("b", 1), ("a", 1)), sentinel_service="m"),
            True,
        ),
        (Redis(sentinels=(("a", 1),), sentinel_service="m"), Redis(host="a"), None),
        (None, Redis(), None),
    ],
)
def test_whether_two_settings_mean_one_redis(one, other, same):
    for pair in ((one, other), (other, one)):
        assert same_redis(*pair) is same


def test_roots_are_the_same_through_symbolic_links(roots):
    os.symlink(roots / "live", roots / "current")
    assert same_root(str(roots / "current"), str(roots / "live")) is True
    assert same_root(str(roots / "second"), str(roots / "live")) is False
    assert same_root(None, str(roots / "live")) is None


def test_a_folder_is_a_root_only_if_it_holds_an_application(roots):
    assert known_root(str(roots / "live")) == str(roots / "live")
    assert known_root(str(roots)) is known_root("~") is known_root(None) is None


def test_another_root_is_another_instance(roots):
    live, second = str(roots / "live"), str(roots / "second")
    ours, reason = verdict(Owner(root=second, redis=Redis(db=1)), root=live)
    assert ours is False and second in reason and "localhost:6379 db 1" in reason
    ours, reason = verdict(Owner(root=second, heartbeat=True), root=live)
    assert ours is False and "set mastodon_root" in reason


def test_the_same_root_with_another_redis_is_ours_and_the_settings_disagree(roots):
    live = str(roots / "live")
    ours, reason = verdict(Owner(root=live, redis=LOCAL), root=live, redis=Redis(host="127.0.0.1", db=1))
    assert ours is True and "127.0.0.1:6379 db 0" in reason and "redis_url" in reason


@pytest.mark.parametrize(
    ("owner", "instance", "ours"),
    [
        (Owner(redis=Redis(db=1)), {}, False),
        (Owner(redis=Redis(host="localhost")), {}, True),
        (Owner(redis=Redis(host="redis")), {}, None),
        (Owner(redis=Redis(host="redis"), heartbeat=True), {}, True),
        (Owner(redis=Redis(host="redis", db=3), heartbeat=True), {}, False),
        (Owner(uid=1001), {"uid": 1000}, False),
        (Owner(uid=1000), {"uid": 1000}, None),
        (Owner(redis=Redis(host="localhost", port=1), own_network=True), {}, None),
        (Owner(redis=Redis(host="localhost", db=1), own_network=True), {}, False),
        (Owner(), {}, None),
    ],
)
def test_where_the_root_is_not_known(owner, instance, ours):
    assert verdict(owner, **instance)[0] is ours


def test_the_redis_that_takes_effect(roots):
    live = str(roots / "live")
    assert effective_redis(live, {}, "x").host == "localhost"
    assert effective_redis(live, {"REDIS_HOST": "10.0.0.5", "REDIS_DB": "2"}, "x").db == 2
    assert effective_redis(live, None, "x") is None
    assert effective_redis(None, {}, "x") is None
    assert effective_redis(str(roots), {}, "x") is None


def test_a_pipe_in_the_place_of_a_file_does_not_hold_the_task(roots):
    os.remove(roots / "second" / ".env.production")
    os.mkfifo(roots / "second" / ".env.production")
    assert effective_redis(str(roots / "second"), {}, "x") is None
