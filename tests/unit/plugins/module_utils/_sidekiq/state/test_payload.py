# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.payload import (
    pack,
    pushed,
    requeued,
    tried_less,
    writes_milliseconds,
)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"\xc3\xbc \xf0\x9f\x98\x80","b":[1,2.5,null,true]}',
        b'{"a":"\xff\xfe"}',
        b'{"a":"\\udc00 \xff"}',
        b'{"a":"\\udc00","b":"\xc3\xbc \\udc80"}',
        b'{"a":[1e999,-1e999],"b":"Infinity \\" Infinity","Infinity":1e999}',
        b'{"a":"Infinity \xff","b":1e999}',
    ],
)
def test_what_is_read_is_written(raw: bytes) -> None:
    assert pack(parse(raw).payload, raw) == raw


def test_a_job_that_is_moved_changes_its_queue_alone() -> None:
    job = parse(b'{"retry":5,"queue":"pull","class":"A","args":["\xff"],"created_at":1.5,"note":{}}')
    assert requeued(job, "low") == job.raw.replace(b'"pull"', b'"low"')


@pytest.mark.parametrize("count", ["0", "7"])
def test_a_try_less(count: str) -> None:
    job = parse(b'{"class":"A","retry_count":%s,"args":[]}' % count.encode())
    assert tried_less(job) == job.raw.replace(count.encode(), str(int(count) - 1).encode())
    assert tried_less(parse(b'{"retry_count":"2"}')) == b'{"retry_count":"2"}'


def test_a_push_sets_the_times() -> None:
    job = parse(b'{"class":"A","args":[],"created_at":null,"at":9.5,"retry_count":1}')
    assert pushed(job, 7.25, False, False) == (
        b'{"class":"A","args":[],"created_at":7.25,"retry_count":1,"enqueued_at":7.25}'
    )
    assert pushed(job, 7.25, True, True) == (
        b'{"class":"A","args":[],"created_at":7250,"retry_count":0,"enqueued_at":7250}'
    )


@pytest.mark.parametrize(
    ("versions", "created_at", "milliseconds"),
    [
        ((), b"1795331200.5", False),
        ((), b"1795331200500", True),
        (("8.0.9",), b"1795331200.5", True),
        (("7.3.2",), b"1795331200500", False),
        (("7.3.2", "8.1.7"), b"1795331200.5", True),
        ((None,), b"1795331200500", False),
        ((None, "10.0.0.beta"), b"1795331200.5", True),
        (("9" * 5000, "main", ""), b"1795331200500", False),
    ],
)
def test_the_unit_of_times_is_that_of_the_newest_process(
    versions: tuple[str | None, ...], created_at: bytes, milliseconds: bool
) -> None:
    assert writes_milliseconds(parse(b'{"created_at":%s}' % created_at), versions) is milliseconds
