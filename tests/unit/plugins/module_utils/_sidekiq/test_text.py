# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in Redis can be shown: strict UTF-8, and what is good stays as it is."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.text import (
    clean,
    clean_deep,
    printable,
    printable_deep,
    printable_lines,
    text,
    text_or_none,
)

SURROGATES = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"pull", "pull"),
        ("Bücher \N{SNOWMAN}".encode(), "Bücher \N{SNOWMAN}"),
        (b"a\xffb", "a\\xffb"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),  # a surrogate, as some write it
        (bytearray(b"pull"), "pull"),
        (b"", ""),
        ("pull", "pull"),
        ("\ud800", "\\ud800"),
        (7, "7"),
    ],
)
def test_text(raw, shown):
    assert text(raw) == shown


@pytest.mark.parametrize(("value", "shown"), [("a", "a"), ("\udcff", "\\udcff"), (b"a", None), (1, None), (None, None)])
def test_text_or_none(value, shown):
    assert text_or_none(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"\ud800": ["\udfff", 1, None, True]}, {"\\ud800": ["\\udfff", 1, None, True]}),
        ({1: (2,)}, {"1": [2]}),
        ([math.nan, math.inf, -math.inf, 1.5], ["nan", "inf", "-inf", 1.5]),
        ("\N{SNOWMAN}", "\N{SNOWMAN}"),
    ],
)
def test_clean_deep(value, shown):
    assert clean_deep(value) == shown


@given(SURROGATES)
def test_clean_text_is_strict_utf8_and_good_text_is_left_alone(value):
    shown = clean(value)
    shown.encode("utf-8")
    assert clean(shown) == shown
    if not any("\ud800" <= char <= "\udfff" for char in value):
        assert shown == value


@given(st.binary())
def test_bytes_are_strict_utf8_and_good_bytes_are_left_alone(raw):
    shown = text(raw)
    assert shown.encode("utf-8") == raw or "\\x" in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | SURROGATES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SURROGATES, inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_json_becomes_strict_json(value):
    json.dumps(clean_deep(value), allow_nan=False, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("pull", "pull"),
        ("Bücher \N{SNOWMAN}", "Bücher \N{SNOWMAN}"),
        ("a\x1b[2Jb", "a?[2Jb"),
        ("\x9b31m\x7f\x00", "?31m??"),
        ("\u202eabc\u2066\u200b\ufeff\u00ad", "?abc????"),
        ("a\r\nb\tc\u2028d\x85e\x0bf", "a  b c d e f"),
        (b"\xff\x9b", "\\xff\\x9b"),
        ("\ud800", "\\ud800"),
        (7, "7"),
    ],
)
def test_printable(raw, shown):
    assert printable(raw) == shown and printable(printable(raw)) == shown


@given(SURROGATES)
def test_what_is_printable_is_one_line_for_a_terminal(value):
    assert printable(value).isprintable()
    assert len(printable(value, 10)) <= 10
    lines = printable_lines(value)
    assert lines.replace("\n", "").isprintable() and lines.count("\n") == value.count("\n")


def test_printable_deep():
    found = printable_deep({"a\x1b": ["b\n", {"c": ("\x9b", 1, None, True)}], "a\x9b": 2, 3: "d"})
    assert found == {"a?": ["b ", {"c": ["?", 1, None, True]}], "a??": 2, 3: "d"}
