# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mastodon's own precedence, release by release. Expected values: Mastodon's Ruby, run with the same variables."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.redis import (
    base_redis_settings,
    sidekiq_redis_settings,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.variables import Variables
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.connection import ConnectionSettings

V42, V43, V44, V45, V46 = (4, 2, 30), (4, 3, 23), (4, 4, 0), (4, 5, 15), (4, 6, 5)
EVERY = [V42, V43, V44, V45, V46, None]
NEW = [V43, V44, V45, V46, None]


def sidekiq(release, **variables):
    return sidekiq_redis_settings(Variables(variables), release)


def base(release, **variables):
    return base_redis_settings(Variables(variables), release)


def check(found, **expected):
    settings, _warnings = found
    for name, value in {"password": None, "username": None, "socket": None, "sentinels": (), **expected}.items():
        assert getattr(settings, name) == value, name


@pytest.mark.parametrize("release", EVERY)
def test_without_variables_it_is_the_local_redis(release):
    settings, warnings = sidekiq(release)
    assert settings == ConnectionSettings(origin=settings.origin)
    assert "default" in settings.origin
    assert warnings == ()


@pytest.mark.parametrize("release", EVERY)
def test_base_variables_count_for_sidekiq(release):
    check(
        sidekiq(release, REDIS_HOST="h", REDIS_PORT="6380", REDIS_DB="2", REDIS_PASSWORD="p@ss/w"),
        host="h",
        port=6380,
        db=2,
        password="p@ss/w",
    )
    check(sidekiq(release, REDIS_PORT="6380"), host="localhost", port=6380)
    check(
        sidekiq(release, REDIS_URL="redis://:pw@h:1/3", REDIS_HOST="no", REDIS_PASSWORD="no"),
        host="h",
        db=3,
        password="pw",
    )
    check(sidekiq(release, REDIS_URL="rediss://h"), host="h", tls=True)


@pytest.mark.parametrize("release", EVERY)
def test_sidekiq_url_beats_everything(release):
    found = sidekiq(
        release,
        SIDEKIQ_REDIS_URL="redis://s/1",
        SIDEKIQ_REDIS_HOST="no",
        SIDEKIQ_REDIS_SENTINEL_MASTER="m",
        SIDEKIQ_REDIS_SENTINELS="no",
        REDIS_URL="redis://no",
    )
    check(found, host="s", db=1)
    assert found[0].origin == "SIDEKIQ_REDIS_URL"


def test_acl_user_from_4_3_on():
    for release in NEW:
        check(sidekiq(release, REDIS_USER="bob", REDIS_PASSWORD="pw"), username="bob", password="pw")
        check(sidekiq(release, REDIS_USER="bob"))
    check(sidekiq(V42, REDIS_USER="bob", REDIS_PASSWORD="pw"), password="pw")


def test_part_without_a_host_is_ignored_from_4_3_on_and_said_so():
    for release in NEW:
        found = sidekiq(release, SIDEKIQ_REDIS_DB="2", SIDEKIQ_REDIS_PASSWORD="no", REDIS_HOST="h", REDIS_DB="1")
        check(found, host="h", db=1)
        assert len(found[1]) == 2
        assert all("is ignored" in warning and "SIDEKIQ_REDIS_HOST" in warning for warning in found[1])
    check(sidekiq(V42, SIDEKIQ_REDIS_DB="2", REDIS_HOST="no", REDIS_PASSWORD="no"), host="localhost", db=2)


@pytest.mark.parametrize("release", EVERY)
def test_nothing_is_inherited_beside_a_host_of_its_own(release):
    check(
        sidekiq(release, SIDEKIQ_REDIS_HOST="s", REDIS_PORT="7", REDIS_DB="7", REDIS_PASSWORD="no", REDIS_USER="no"),
        host="s",
        port=6379,
        db=0,
    )


def test_empty_url():
    for release in NEW:
        for name in ("REDIS_URL", "SIDEKIQ_REDIS_URL"):
            with pytest.raises(BadOption, match=f"{name} is empty"):
                sidekiq(release, **{name: ""}, REDIS_HOST="h")
        check(sidekiq(release, REDIS_URL="", SIDEKIQ_REDIS_HOST="s"), host="s")
    check(sidekiq(V42, REDIS_URL="", REDIS_HOST="h"), host="h")
    check(sidekiq(V42, SIDEKIQ_REDIS_URL=" ", REDIS_HOST="h"), host="h")


def test_empty_parts():
    for release in NEW:
        with pytest.raises(BadOption, match="REDIS_HOST is empty"):
            sidekiq(release, REDIS_HOST="")
        check(sidekiq(release, SIDEKIQ_REDIS_HOST="", REDIS_HOST="h"), host="h")
    for release in EVERY:
        check(
            sidekiq(release, REDIS_HOST="h", REDIS_PORT="", REDIS_DB="", REDIS_PASSWORD=""), host="h", port=6379, db=0
        )
    check(sidekiq(V42, REDIS_HOST=""), host="localhost")
    check(sidekiq(V42, SIDEKIQ_REDIS_PASSWORD="", REDIS_HOST="no"), host="localhost")


SENTINELS = {"REDIS_SENTINEL_MASTER": "mymaster", "REDIS_SENTINELS": "a,b:26380, c"}


@pytest.mark.parametrize("release", NEW)
def test_sentinels(release):
    check(
        sidekiq(release, **SENTINELS, REDIS_PASSWORD="pw", REDIS_HOST="no", REDIS_PORT="7", REDIS_DB="2"),
        sentinels=(("a", 26379), ("b", 26380), ("c", 26379)),
        sentinel_service="mymaster",
        sentinel_password="pw",
        password="pw",
        db=2,
    )
    check(
        sidekiq(
            release,
            **{f"SIDEKIQ_{name}": value for name, value in SENTINELS.items()},
            SIDEKIQ_REDIS_SENTINEL_PORT="27000",
            SIDEKIQ_REDIS_SENTINEL_USERNAME="watch",
            SIDEKIQ_REDIS_SENTINEL_PASSWORD="",
            SIDEKIQ_REDIS_PASSWORD="pw",
            REDIS_HOST="no",
        ),
        sentinels=(("a", 27000), ("b", 26380), ("c", 27000)),
        sentinel_service="mymaster",
        sentinel_username="watch",
        sentinel_password=None,
        password="pw",
    )
    check(sidekiq(release, **SENTINELS, REDIS_URL="redis://h"), host="h")
    check(sidekiq(release, REDIS_SENTINELS="a", REDIS_HOST="h"), host="h")
    check(sidekiq(release, REDIS_SENTINEL_MASTER="m", REDIS_SENTINELS=",", REDIS_HOST="h"), host="h")
    with pytest.raises(BadOption, match="REDIS_SENTINELS must be host:port"):
        sidekiq(release, REDIS_SENTINEL_MASTER="m", REDIS_SENTINELS="a:b")


def test_no_sentinels_up_to_4_2():
    check(sidekiq(V42, **SENTINELS, REDIS_HOST="h"), host="h")


def test_socket_follows_the_client_of_the_release():
    url = "unix://:pw@/run/r.sock?db=4"
    for release in (V42, V43):
        check(sidekiq(release, REDIS_URL=url), socket="/run/r.sock", db=0)
    for client_release in (V44, V45, V46, None):
        check(sidekiq(client_release, REDIS_URL=url), socket="/run/r.sock", db=4, password="pw")
    for release in (V42, V43, V44, V45):
        check(base(release, REDIS_URL=url), socket="/run/r.sock", db=0)
    for client_release in (V46, None):
        check(base(client_release, REDIS_URL=url), socket="/run/r.sock", db=4, password="pw")


def test_namespace():
    for release in (V42, V43, None):
        assert sidekiq(release, REDIS_NAMESPACE="toot")[0].key_prefix == "toot:"
        assert base(release, REDIS_NAMESPACE="toot")[0].key_prefix == "toot:"
        assert sidekiq(release, REDIS_NAMESPACE="toot")[1] == ()
    for release in (V44, V45, V46):
        for value in ("toot", ""):
            settings, warnings = sidekiq(release, REDIS_NAMESPACE=value)
            assert settings.key_prefix == ""
            assert len(warnings) == 1
            assert "REDIS_NAMESPACE is ignored" in warnings[0]
            assert "does not start" in warnings[0]


def test_namespace_of_sidekiq_alone_is_fiction():
    for release in EVERY:
        settings, warnings = sidekiq(release, SIDEKIQ_REDIS_NAMESPACE="toot")
        assert settings.key_prefix == ""
        assert "no release of Mastodon reads it" in warnings[0]


@pytest.mark.parametrize("release", EVERY)
def test_base_knows_nothing_of_sidekiqs_own_redis(release):
    check(base(release, SIDEKIQ_REDIS_URL="redis://s", REDIS_HOST="h"), host="h")
    assert base(release, SIDEKIQ_REDIS_DB="3", REDIS_HOST="h")[1] == ()


@pytest.mark.parametrize("release", EVERY)
def test_password_loses_percent_encoding_once(release):
    check(sidekiq(release, REDIS_PASSWORD="a%41b+c"), password="aAb+c")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"REDIS_PORT": "abc"}, "REDIS_PORT is not a number"),
        ({"REDIS_DB": "-1"}, "REDIS_DB is not a number"),
        ({"REDIS_PORT": "70000"}, "REDIS_PORT is not a number"),
        ({"REDIS_HOST": "/run/r.sock"}, "REDIS_URL=unix:///run"),
        ({"REDIS_URL": "http://:sesame@h"}, "REDIS_URL: the URL must begin"),
    ],
)
@pytest.mark.parametrize("release", EVERY)
def test_variable_that_cannot_be_used_is_named(release, variables, expected):
    with pytest.raises(BadOption, match=expected) as failure:
        sidekiq(release, **variables)
    assert "sesame" not in str(failure.value)


def test_place_of_a_variable_is_named():
    found = Variables({"REDIS_HOST": "h"}, {"REDIS_HOST": "/live/.env.production"})
    assert sidekiq_redis_settings(found, V46)[0].origin == "REDIS_HOST in /live/.env.production"


def test_brackets_of_ipv6_are_taken_off():
    check(sidekiq(V46, REDIS_HOST="[::1]"), host="::1")
