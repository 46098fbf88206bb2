# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the database is, as config/database.yml of Mastodon and Rails find it."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.database import literal, numbers
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.database import (
    DatabaseSettings,
    database_settings,
    describe,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings.variables import Variables
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


def settings(**variables):
    return database_settings(Variables(variables, dict.fromkeys(variables, ".env.production")))


def parts(found):
    return found.user, found.password, found.host, found.port, found.name, found.sslmode


def test_no_variable_no_database():
    assert database_settings(Variables({"REDIS_HOST": "h"})) is None


def test_what_is_not_said_has_the_defaults_of_mastodon():
    found = settings(DB_PASS="x")
    assert parts(found) == ("mastodon", "x", "localhost", "5432", "mastodon_production", "prefer")
    assert found.origin == "DB_PASS in .env.production"


def test_each_variable_counts():
    found = settings(
        DB_HOST="/run/postgresql", DB_PORT="5433", DB_NAME="n", DB_USER="u", DB_PASS="p", DB_SSLMODE="require"
    )
    assert parts(found) == ("u", "p", "/run/postgresql", "5433", "n", "require")


def test_an_empty_host_is_the_local_socket():
    assert settings(DB_HOST="").host == ""
    assert "local socket" in describe(settings(DB_HOST=""))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40%2F@h:1/n", ("u", "p@/", "h", "1", "n", "prefer")),
        ("postgres://h/n?sslmode=require&pool=5", ("mastodon", "", "h", "5432", "n", "require")),
        ("postgis://u@[::1]:7/n", ("u", "", "::1", "7", "n", "prefer")),
        ("postgresql:///n?host=/var/run/PG&user=x&password=y", ("x", "y", "/var/run/PG", "5432", "n", "prefer")),
        ("postgresql://%2Fvar%2Frun%2FPG/n", ("mastodon", "", "/var/run/PG", "5432", "n", "prefer")),
    ],
)
def test_a_url_wins(url, expected):
    assert parts(settings(DATABASE_URL=url, DB_NAME="other")) == expected


def test_a_url_says_only_what_it_says():
    found = settings(DATABASE_URL="postgresql://h", DB_NAME="n", DB_PASS="p")
    assert (found.host, found.name, found.password) == ("h", "n", "p")


@pytest.mark.parametrize(
    "url", ["mysql://u:s3cret@h/n", "s3cret", "postgresql://u:s3cret@h:port/n", "postgresql://[s3cret"]
)
def test_a_url_that_cannot_be_used_is_named_and_not_shown(url):
    with pytest.raises(BadOption, match=r"DATABASE_URL in \.env\.production") as failure:
        settings(DATABASE_URL=url)
    assert "s3cret" not in str(failure.value)


def test_a_password_that_must_be_encoded():
    with pytest.raises(BadOption, match="percent-encoded") as failure:
        settings(DATABASE_URL="postgres://u:s3/cret@h/n")
    assert "cret" not in str(failure.value)


@pytest.mark.parametrize("port", ["", "x", "0", "65536", "5432 "])
def test_a_port_that_is_none(port):
    with pytest.raises(BadOption, match="no port"):
        settings(DB_PORT=port)


def test_the_password_is_never_shown():
    found = settings(DB_PASS="s3cret")
    assert "s3cret" not in repr(found) + describe(found)
    assert isinstance(found, DatabaseSettings)


def test_sql():
    assert literal("o'neil\\") == "'o''neil\\'"
    assert numbers([3, 1]) == "ARRAY[3, 1]::bigint[]"
    assert numbers([]) == "ARRAY[]::bigint[]"
    with pytest.raises(ValueError, match="invalid literal"):
        numbers(["1; DROP TABLE backups"])
