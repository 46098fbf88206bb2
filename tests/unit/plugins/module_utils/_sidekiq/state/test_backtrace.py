# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backtraces of every Sidekiq, and what only looks like one."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.backtrace import backtrace

LINES = ["app/workers/backup_worker.rb:24:in 'perform'", "lib/processor.rb:228:in 'process' \N{SNOWMAN}"]


def packed(value, encode=base64.b64encode):
    plain = value if isinstance(value, bytes) else json.dumps(value).encode()
    return encode(zlib.compress(plain)).decode()


@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes], ids=["one line", "broken into lines"])
def test_packed(encode):
    stored = packed(LINES * 20, encode)
    assert ("\n" in stored) == (encode is base64.encodebytes)
    assert backtrace(stored) == LINES * 20


@pytest.mark.parametrize(
    ("stored", "lines"),
    [
        (LINES, LINES),  # Sidekiq 5
        ([1, None, "\ud800"], ["1", "None", "\\ud800"]),
        ([], []),
        (packed([]), []),
        (packed(["\ud800", 7]), ["\\ud800", "7"]),
        (packed(b'["\xff"]'), ["\N{REPLACEMENT CHARACTER}"]),
    ],
    ids=["plain", "plain, odd", "plain, empty", "empty", "odd", "not UTF-8"],
)
def test_lines(stored, lines):
    assert backtrace(stored) == lines


@pytest.mark.parametrize(
    "stored",
    [
        None,
        7,
        True,
        {},
        b"bytes",
        "",
        "text",
        "\N{SNOWMAN}",
        "abc",  # wrong padding
        base64.b64encode(b"not zlib").decode(),
        base64.b64encode(zlib.compress(json.dumps(LINES).encode())[:-20]).decode(),
        packed({"a": 1}),
        packed("text"),
        packed(b"not json"),
        packed(b"[" * 100_000),
        packed(b"[" + b"9" * 5000),
    ],
    ids=lambda stored: repr(stored)[:20],
)
def test_none(stored):
    assert backtrace(stored) is None


def test_a_bomb_is_not_unpacked():
    bomb = packed(b'["' + b"a" * 200_000_000 + b'"]')
    assert len(bomb) < 300_000
    tracemalloc.start()
    try:
        assert backtrace(bomb) is None
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()) | st.binary().map(packed))
def test_no_text_is_too_strange(stored):
    lines = backtrace(stored)
    assert lines is None or all(isinstance(line, str) and line.encode("utf-8") is not None for line in lines)
