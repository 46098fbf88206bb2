# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs become settings; a URL that cannot be read is never quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.connection import (
    ConnectionSettings,
    parse_url,
)


def settings(**values):
    return ConnectionSettings(origin="redis_url", **values)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", settings(host="h")),
        ("redis://h:6380/2", settings(host="h", port=6380, db=2)),
        ("redis://", settings()),
        ("redis:///3", settings(db=3)),
        ("redis://:6390/1", settings(port=6390, db=1)),
        ("redis://h/?db=4", settings(host="h", db=4)),
        ("redis://h/5?db=4", settings(host="h", db=5)),
        ("rediss://h:6380", settings(host="h", port=6380, tls=True)),
        ("redis://:pw@h", settings(host="h", password="pw")),
        ("redis://pw@h", settings(host="h", password="pw")),
        ("redis://bob:pw@h", settings(host="h", username="bob", password="pw")),
        ("redis://b%40b:p%2Fw%3a@h", settings(host="h", username="b@b", password="p/w:")),
        ("redis://:a+b@h", settings(host="h", password="a+b")),
        ("redis://:p@w@h", settings(host="h", password="p@w")),
        ("redis://[::1]:6380/1", settings(host="::1", port=6380, db=1)),
        ("  redis://h\n", settings(host="h")),
        ("unix:///run/r.sock", settings(socket="/run/r.sock")),
        ("unix:/run/r.sock", settings(socket="/run/r.sock")),
        ("unix:///run/r.sock?db=2", settings(socket="/run/r.sock", db=2)),
        ("unix://:pw@/run/r.sock?db=2", settings(socket="/run/r.sock", db=2, password="pw")),
        ("unix:///run/r.sock?password=p+w%2B", settings(socket="/run/r.sock", password="p+w+")),
        ("unix:///run/my%20redis.sock", settings(socket="/run/my redis.sock")),
        ("/run/r.sock", settings(socket="/run/r.sock")),
        ("/run/r.sock?db=1", settings(socket="/run/r.sock", db=1)),
    ],
)
def test_url_becomes_settings(url, expected):
    assert parse_url(url, "redis_url") == expected


@pytest.mark.parametrize(
    ("url", "dialect", "expected"),
    [
        ("redis://:a+b@h", "redis-client", {"host": "h", "password": "a b"}),
        ("redis://:a+b@h", "redis-rb", {"host": "h", "password": "a b"}),
        ("redis://pw@h", "redis-client", {"host": "h", "password": "pw"}),
        ("redis://pw@h", "redis-rb", {"host": "h"}),
        ("redis://h?db=2&x=1", "redis-client", {"host": "h", "db": 2}),
        ("redis://h?db=2&x=1", "redis-rb", {"host": "h"}),
        ("unix://:pw@/s?db=2", "redis-client", {"socket": "/s", "db": 2, "password": "pw"}),
        ("unix://:pw@/s?db=2", "redis-rb", {"socket": "/s"}),
    ],
)
def test_ruby_clients_read_some_urls_differently(url, dialect, expected):
    assert parse_url(url, "redis_url", dialect) == settings(**expected)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://:sesame@h", "must begin with redis://"),
        ("localhost:6379", "must begin with redis://"),
        ("sesame", "absolute path of a socket"),
        ("unix://run/sesame.sock", "three slashes"),
        ("redis://:se/same@h", "percent-encoded"),
        ("redis://:sesame@h:port", "percent-encoded"),
        ("redis://:sesame@h:99999", "percent-encoded"),
        ("redis://:sesame@[::1", "percent-encoded"),
        ("redis://:sesame@h#x", "%23"),
        ("redis://:sesame@h/sesame", "must be a number"),
        ("redis://:sesame@h/-1", "must be a number"),
        ("redis://:sesame@h/٣", "must be a number"),
        ("redis://:sesame%ff@h", "not UTF-8"),
        ("redis://:sesame@h?ssl_cert_reqs=none", "only db is understood"),
        ("redis://h?password=sesame", "before the host"),
    ],
)
def test_bad_url_is_refused_by_name_and_not_shown(url, expected):
    with pytest.raises(BadOption) as failure:
        parse_url(url, "SOME_URL")
    assert expected in str(failure.value)
    assert "SOME_URL" in str(failure.value)
    assert "sesame" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__ or failure.value.__context__ is None


@given(st.text(max_size=40))
def test_any_text_is_settings_or_a_clear_refusal(text):
    for dialect in ("strict", "redis-client", "redis-rb"):
        for url in (text, f"redis://{text}", f"unix://{text}"):
            try:
                assert isinstance(parse_url(url, "redis_url", dialect), ConnectionSettings)
            except BadOption as failure:
                assert str(failure).startswith("redis_url: ")
