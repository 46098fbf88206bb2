# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job is what its bytes say, field by field; bytes that are no job are told from those that are."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import Job, parse

DELIVERY: dict[str, t.Any] = {
    "retry": 16,
    "queue": "push",
    "args": ["{}", 1, "https://gone.example/inbox", {}],
    "class": "ActivityPub::DeliveryWorker",
    "jid": "7315dc4675986a31ef9294ab",
    "created_at": 1795331156428,
    "lock_digest": "uniquejobs:1",
    "enqueued_at": 1795331156.5,
    "error_message": "timeout",
    "error_class": "HTTP::TimeoutError",
    "failed_at": 1795331150000,
    "retried_at": 1795331155,
    "retry_count": 3,
    "error_backtrace": ["a:1"],
    "tags": ["a", "b"],
    "bid": "batch",
    "encrypt": True,
}


def job(**fields):
    return parse(json.dumps(fields).encode())


def test_every_field():
    found = job(**DELIVERY)
    assert found.malformed is None
    assert (found.jid, found.queue, found.batch) == ("7315dc4675986a31ef9294ab", "push", "batch")
    assert found.worker_class == found.display_class == "ActivityPub::DeliveryWorker"
    assert found.args == DELIVERY["args"]
    assert found.display_args == [*DELIVERY["args"][:-1], "[encrypted data]"]
    assert (found.created_at, found.enqueued_at) == (1795331156.428, 1795331156.5)
    assert (found.failed_at, found.retried_at) == (1795331150.0, 1795331155.0)
    assert (found.retry_count, found.attempts) == (3, 4)
    assert (found.error_class, found.error_message, found.error_backtrace) == ("HTTP::TimeoutError", "timeout", ["a:1"])
    assert (found.tags, found.lock_digest, found.encrypted) == (["a", "b"], "uniquejobs:1", True)


def test_the_stored_bytes_stay_with_the_job():
    raw = b' {"jid" : "a", "jid": "b"} '
    assert parse(raw).raw == raw
    assert parse(raw).jid == "b"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "not JSON"),
        (b'{"class": "A"', "not JSON"),
        (b'{"class": "A"}x', "not JSON"),
        (b"{'class': 'A'}", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),  # a byte order mark
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": [-Infinity]}', "not JSON"),
        (b"nil", "not JSON"),
        (b'{"args": [%s]}' % (b"9" * 5000), "number too long"),
        (b'{"args": [-%s]}' % (b"9" * 5000), "number too long"),
        (b"null", "not an object"),
        (b"true", "not an object"),
        (b"42", "not an object"),
        (b'"text"', "not an object"),
        (b"[]", "not an object"),
        (b'[{"class": "A"}]', "not an object"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested too deeply"),  # as Ruby's JSON says
        (b'{"a": %s}' % (b"[" * 100 + b"]" * 100), "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_malformed(raw, reason):
    found = parse(raw)
    assert (found.malformed, dict(found.payload), found.raw) == (reason, {}, raw)
    assert (found.jid, found.display_class, found.args, found.display_args) == (None, None, [], None)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"{}", None),
        (b'{"a":' * 100 + b"1" + b"}" * 100, None),
        (b'{"a": %s}' % (b"[" * 99 + b"]" * 99), None),
        (b'{"class": "A", "args": [%s]}' % b",".join([b"[{}]"] * 1000), "A"),
        (b'{"class": "A", "args": ["\xff\xfe"]}', "A"),  # Sidekiq reads these, too
        (b'{"class": "A\xff"}', "A\\udcff"),
        (b'{"class": "A\\udc00"}', "A\\udc00"),
        (b'{"class": "A", "retry_count": %s}' % (b"9" * 4300), "A"),  # one more has too many digits to be written
        (b'{"class": "A", "args": [1e999]}', "A"),
        (b'{"class": "A", "args": ["%s"]}' % (b"a" * 1_000_000), "A"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_odd_but_a_job(raw, name):
    found = parse(raw)
    assert found.malformed is None
    assert found.worker_class == name
    json.dumps([found.display_args, found.attempts], allow_nan=False).encode("utf-8")


@pytest.mark.parametrize(
    ("retry_count", "attempts"),
    [(None, 0), (0, 1), (7, 8), (-1, 0), (-7, 0), (True, 0), ("3", 0), (1.0, 0), ([], 0), (2**63, 0)],
)
def test_attempts(retry_count, attempts):
    assert job(retry_count=retry_count).attempts == attempts


@pytest.mark.parametrize("tags", [None, "a", {"a": 1}, 7, [], [1, None, ["a"]]])
def test_no_tags(tags):
    assert job(tags=tags).tags == []


def test_tags_among_other_things():
    assert job(tags=["a", 1, "\udc00"]).tags == ["a", "\\udc00"]


def test_the_digest_of_older_locks():
    assert job(unique_digest="uniquejobs:2").lock_digest == "uniquejobs:2"
    assert job(lock_digest="uniquejobs:1", unique_digest="uniquejobs:2").lock_digest == "uniquejobs:1"


READ = ["malformed", *(name for name, value in vars(Job).items() if isinstance(value, property))]
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.just(10**4299),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*DELIVERY, "wrapped", "display_class", "unique_digest"]), ODD))
@example(dict.fromkeys(DELIVERY, {}))
@example(dict.fromkeys(DELIVERY, []))
@example(dict.fromkeys(DELIVERY))
@example(dict.fromkeys(DELIVERY, 10**4299))
@example(dict.fromkeys(DELIVERY, "\ud800"))
def test_wrong_types_are_absent_and_what_is_shown_is_strict_json(payload):
    found = parse(json.dumps(payload).encode())
    shown = {name: getattr(found, name) for name in READ}
    shown["args"] = len(shown["args"])  # as stored, and never shown
    json.dumps(shown, allow_nan=False, ensure_ascii=False).encode("utf-8")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_job_or_malformed(raw):
    found = parse(raw)
    assert found.raw == raw
    assert isinstance(found.payload, dict)
    assert found.malformed is None or not found.payload
