# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module: what they mean together, and that their documentation says the same."""

from __future__ import annotations

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fediverse.mastodon.plugins.doc_fragments.connection import ModuleDocFragment
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.options.connection import (
    connection_argument_spec,
    settings_from_options,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.connection import ConnectionSettings

SECRETS = {"redis_url", "redis_password", "redis_sentinel_password"}


def not_run(command):
    raise AssertionError(f"{command} was run")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in connection_argument_spec():
        monkeypatch.delenv(f"FEDIVERSE_{name.upper()}", raising=False)
    monkeypatch.delenv("MASTODON_ROOT", raising=False)


def validated(**options):
    result = ArgumentSpecValidator(connection_argument_spec()).validate(options)
    assert not result.error_messages
    return result.validated_parameters


def settings(**options):
    return settings_from_options(validated(**options), not_run, {})[0]


def refused(**options):
    with pytest.raises(BadOption) as failure:
        settings(**options)
    return str(failure.value)


def test_documentation_is_the_argument_spec():
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    spec = connection_argument_spec()
    assert list(documented) == list(spec)
    for name, option in spec.items():
        told = {key: value for key, value in documented[name].items() if key != "description"}
        meant = {key: value for key, value in option.items() if key not in ("fallback", "no_log")}
        assert told == meant, name
        assert type(told.get("default")) is type(meant.get("default")), name


def test_every_environment_variable_is_documented():
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    for name, option in connection_argument_spec().items():
        variables = option.get("fallback", (None, []))[1]
        assert [v for v in variables if f"E({v})" not in " ".join(documented[name]["description"])] == []
        assert " ".join(documented[name]["description"]).count("E(") == len(variables)


def test_secrets_are_not_logged_and_keys_are_no_secrets():
    spec = connection_argument_spec()
    assert {name for name, option in spec.items() if option.get("no_log")} == SECRETS
    assert spec["redis_tls_key"]["no_log"] is False
    assert spec["key_prefix"]["no_log"] is False


def test_environment_fills_what_the_task_leaves_out(monkeypatch):
    monkeypatch.setenv("FEDIVERSE_REDIS_SENTINELS", "a,b:26380")
    monkeypatch.setenv("FEDIVERSE_REDIS_PASSWORD", "pw")
    monkeypatch.setenv("FEDIVERSE_REDIS_TIMEOUT", "2.5")
    monkeypatch.setenv("MASTODON_ROOT", "/srv/mastodon")
    found = settings()
    assert found.sentinels == (("a", 26379), ("b", 26380))
    assert found.password == "pw"
    assert found.command_timeout == 2.5
    assert validated()["mastodon_root"] == "/srv/mastodon"
    assert settings(redis_timeout=7).command_timeout == 7


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"redis_url": "redis://:pw@h/3"}, {"host": "h", "db": 3, "password": "pw"}),
        (
            {"redis_url": "redis://h", "redis_password": "pw", "redis_username": "bob"},
            {"host": "h", "password": "pw", "username": "bob"},
        ),
        (
            {"redis_url": "redis://:pw@h/3", "redis_password": "pw", "redis_db": 3},
            {"host": "h", "db": 3, "password": "pw"},
        ),
        ({"redis_url": "redis://h", "redis_db": 2}, {"host": "h", "db": 2}),
        ({"redis_url": "redis://h", "redis_tls": True}, {"host": "h", "tls": True}),
        ({"redis_host": "h"}, {"host": "h"}),
        ({"redis_host": "[::1]", "redis_port": 6380, "redis_db": 1}, {"host": "::1", "port": 6380, "db": 1}),
        ({"redis_host": "::1"}, {"host": "::1"}),
        (
            {"redis_host": "h", "redis_tls": True, "redis_tls_verify": False},
            {"host": "h", "tls": True, "tls_verify": False},
        ),
        (
            {"redis_url": "rediss://h", "redis_tls_ca": "/a", "redis_tls_cert": "/c", "redis_tls_key": "/k"},
            {"host": "h", "tls": True, "tls_ca": "/a", "tls_cert": "/c", "tls_key": "/k"},
        ),
        (
            {"redis_socket": "/run/r.sock", "redis_password": "pw", "redis_db": 2},
            {"socket": "/run/r.sock", "password": "pw", "db": 2},
        ),
        (
            {
                "redis_sentinels": ["a", "b:1", "[::1]", "[::2]:2"],
                "redis_sentinel_password": "sp",
                "redis_sentinel_username": "w",
            },
            {
                "sentinels": (("a", 26379), ("b", 1), ("::1", 26379), ("::2", 2)),
                "sentinel_service": "mymaster",
                "sentinel_password": "sp",
                "sentinel_username": "w",
            },
        ),
        ({"redis_host": "h", "key_prefix": "toot"}, {"host": "h", "key_prefix": "toot:"}),
        ({"redis_host": "h", "key_prefix": "toot:"}, {"host": "h", "key_prefix": "toot:"}),
        (
            {"redis_host": "h", "redis_connect_timeout": 1, "redis_timeout": 2},
            {"host": "h", "connect_timeout": 1.0, "command_timeout": 2.0},
        ),
        ({"redis_host": "h", "redis_password": ""}, {"host": "h"}),
    ],
)
def test_options_become_settings(options, expected):
    way = next(iter(options))
    assert settings(**options) == ConnectionSettings(origin=way, **expected)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"redis_url": "redis://h", "redis_host": "h"}, ["redis_url and redis_host", "exclude", "FEDIVERSE_REDIS_URL"]),
        ({"redis_socket": "/s", "redis_sentinels": ["a"]}, ["redis_socket and redis_sentinels"]),
        ({"redis_password": "sesame"}, ["redis_password has no meaning without one of redis_url"]),
        ({"redis_port": 6380}, ["redis_port"]),
        ({"redis_url": "redis://h", "redis_port": 6380}, ["redis_port", "into the URL"]),
        ({"redis_url": "redis://:sesame@h", "redis_password": "sesam"}, ["redis_password", "different"]),
        ({"redis_url": "redis://h/1", "redis_db": 2}, ["redis_db is 2", "says 1"]),
        ({"redis_url": "rediss://h", "redis_tls": False}, ["redis_tls is false"]),
        ({"redis_url": "unix:///s", "redis_tls": True}, ["redis_tls", "socket"]),
        ({"redis_url": "ftp://:sesame@h"}, ["redis_url", "redis://"]),
        ({"redis_host": "h:6380"}, ["redis_port"]),
        ({"redis_host": "redis://h"}, ["redis_url"]),
        ({"redis_host": "h", "redis_port": 0}, ["redis_port: 0"]),
        ({"redis_host": "h", "redis_db": -1}, ["redis_db", "-1"]),
        ({"redis_socket": "run/r.sock"}, ["redis_socket", "absolute"]),
        ({"redis_socket": "/s", "redis_tls": True}, ["redis_tls", "redis_socket"]),
        ({"redis_sentinels": ["a:b"]}, ["redis_sentinels: a:b"]),
        ({"redis_sentinels": [" "]}, ["redis_sentinels"]),
        ({"redis_sentinels": ["a:99999"]}, ["redis_sentinels: 99999"]),
        ({"redis_host": "h", "redis_tls_ca": "/a"}, ["redis_tls_ca", "redis_tls"]),
        ({"redis_host": "h", "redis_tls": True, "redis_tls_cert": "/c"}, ["redis_tls_cert and redis_tls_key"]),
        ({"redis_host": "h", "redis_db": True}, ["redis_db", "True"]),
        ({"redis_url": "redis://h", "redis_db": True}, ["redis_db", "True"]),
        ({"redis_host": "h", "redis_timeout": 0}, ["redis_timeout"]),
        ({"redis_host": "h", "redis_timeout": float("inf")}, ["redis_timeout", "86,400"]),
        ({"redis_host": "h", "redis_timeout": float("nan")}, ["redis_timeout", "86,400"]),
        ({"redis_host": "h", "redis_connect_timeout": 1e308}, ["redis_connect_timeout", "86,400"]),
        ({"redis_host": "h", "redis_connect_timeout": -1}, ["redis_connect_timeout"]),
    ],
)
def test_options_that_do_not_fit_are_named(options, expected):
    text = refused(**options)
    for word in expected:
        assert word in text
    assert "sesam" not in text


@pytest.fixture
def live(tmp_path):
    def write(text, release=(4, 6, 5)):
        (tmp_path / ".env.production").write_text(text)
        if release:
            (tmp_path / "lib" / "mastodon").mkdir(parents=True, exist_ok=True)
            parts = zip(("major", "minor", "patch"), release)
            (tmp_path / "lib" / "mastodon" / "version.rb").write_text(
                "".join(f"def {name}\n  {number}\nend\n" for name, number in parts)
            )
        return str(tmp_path)

    return write


def found(root, environ=(), unit="", **options):
    def run(command):
        assert command[0] == "systemctl"
        return 0, f"Environment={unit}\n", ""

    return settings_from_options(validated(mastodon_root=root, **options), run, dict(environ))


def test_mastodons_own_settings(live):
    root = live("REDIS_HOST=h\nREDIS_PASSWORD='p w'\n")
    expected = ConnectionSettings(host="h", password="p w", origin=f"REDIS_HOST in {root}/.env.production")
    assert found(root) == (expected, [])
    assert found(root, redis_timeout=2)[0].command_timeout == 2


def test_release_of_the_checkout_decides(live):
    text = "REDIS_NAMESPACE=toot\nREDIS_HOST=h\n"
    assert found(live(text, (4, 2, 0)))[0].key_prefix == "toot:"
    settings_46, warnings = found(live(text, (4, 6, 0)))
    assert settings_46.key_prefix == ""
    assert "4.6.0" in warnings[0]
    assert found(live(text, (4, 6, 0)), key_prefix="toot")[0].key_prefix == "toot:"
    assert found(live(text, (4, 2, 0)), key_prefix="")[0].key_prefix == ""


def test_task_beats_unit_beats_file(live, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *_args, **_kwargs: "/usr/bin/systemctl")
    root = live("REDIS_HOST=file\n")
    assert found(root)[0].host == "file"
    assert found(root, unit="REDIS_HOST=unit")[0].host == "unit"
    assert found(root, {"REDIS_HOST": "task"}, "REDIS_HOST=unit")[0].host == "task"


def test_systemctl_is_not_run_where_there_is_none(live):
    options = validated(mastodon_root=live("REDIS_HOST=h\n"))
    assert settings_from_options(options, not_run, {"PATH": "/nonexistent"})[0].host == "h"


def test_tls_files_go_with_a_url_that_was_found(live):
    assert found(live("REDIS_URL=rediss://h\n"), redis_tls_ca="/ca.pem")[0].tls_ca == "/ca.pem"
    with pytest.raises(BadOption, match="redis_tls_ca"):
        found(live("REDIS_URL=redis://h\n"), redis_tls_ca="/ca.pem")


def test_nothing_found_names_root_file_and_way_out(tmp_path):
    with pytest.raises(BadOption) as failure:
        found(str(tmp_path))
    for word in ("mastodon_root", f"{tmp_path}/.env.production", "redis_url"):
        assert word in str(failure.value)
    assert found(str(tmp_path), {"REDIS_URL": "redis://h"})[0].host == "h"
    (tmp_path / ".env").write_text("SIDEKIQ_REDIS_HOST=h\n")
    assert found(str(tmp_path))[0].host == "h"


def test_empty_file_means_mastodons_defaults(live):
    settings_found, _warnings = found(live(""))
    assert (settings_found.host, settings_found.port, settings_found.db) == ("localhost", 6379, 0)


def test_secrets_that_were_found_are_told(live):
    assert found(live("REDIS_URL=redis://:p%2Fw@h\n"))[0].secrets == {"p/w", "p%2Fw"}
