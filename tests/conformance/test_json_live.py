# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is a job and what is malformed: exactly what the JSON parser of the real Sidekiq says."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import Live

VALUES = [
    b'"\\ud800"',
    b'"\\uDBFF and more"',
    b'"\\ud83d\\ude00"',
    b'"\\ud83d \\ude00"',
    b'"\\ud800abcd"',
    b'"\\ud800abcde"',
    b'"\\ud800abcdef"',
    b'"\\ud800abcdefg"',
    b'"\\ud800abcd\\n"',
    b'"\\ud800abc\\n"',
    b'"\\ud800abcde\\""',
    b'"\\udc00"',
    b'"\\ud800\\u0041"',
    b'"\\ud800\\ud800\\udc00"',
    b'"\\ud800\\ud800x"',
    b'"\\ud800\\ud800\\ud800"',
    b'"\\\\ud800"',
    b'"\\\\\\ud800"',
    b'"\\\\\\\\ud800"',
    b'"\\ud800\\\\u0041"',
    b'{"\\ud800":1}',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"01",
    b"-",
    b"1.",
    b"2e",
    b"+1",
    b'"\t"',
    b'"\x01"',
    b'"\x7f"',
    b'"\\u00"',
    b"1,",
    b"tru",
    b'1,"class":"A"',
    b"[" * 98 + b"]" * 98,
    b"[" * 99 + b"]" * 99,
    b"[" * 100 + b"]" * 100,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[2:30])
def test_what_sidekiq_cannot_read_is_malformed(live: Live, value: bytes) -> None:
    raw = b'{"class":"A","jid":"a","args":[],"x":%s}' % value
    live.client.flushall()
    live.client.sadd("queues", "q")
    live.client.lpush("queue:q", raw)
    [queue] = live.judge.ask("queues")
    [seen] = queue["jobs"]
    assert (parse(raw).malformed is None) == (seen.get("class") == "A"), seen


def test_what_comes_after_or_before_is_malformed(live: Live) -> None:
    for raw in (
        b'{"class":"A"}\x00',
        b'{"class":"A"} x',
        b'\xef\xbb\xbf{"class":"A"}',
        b'{"class":"A"}\x0c',
        b' {"class":"A"}\n',
    ):
        live.client.flushall()
        live.client.sadd("queues", "q")
        live.client.lpush("queue:q", raw)
        [queue] = live.judge.ask("queues")
        assert (parse(raw).malformed is None) == (queue["jobs"][0].get("class") == "A"), raw
