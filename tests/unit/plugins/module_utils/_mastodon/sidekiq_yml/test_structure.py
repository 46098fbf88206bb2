# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which line holds a key, and which only looks as if it did."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.lines import Unclear, split
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.structure import (
    read_document,
    read_level,
)


def level(text):
    lines = split(text)
    return read_level(read_document(lines), 0, len(lines))


def names(text):
    return [entry.name for entry in level(text).entries]


def test_keys_as_sidekiq_sees_them():
    found = level("---\n:a: 1\nb: 2\n'c': 3\n\"d\" : 4\n:'e': 5\n\":f\": 6\nit's: 7\n")
    assert [(entry.name, entry.symbol) for entry in found.entries] == [
        ("a", True),
        ("b", False),
        ("c", False),
        ("d", False),
        ("e", True),
        ('":f"', False),
        ("it's", False),
    ]


@pytest.mark.parametrize(
    "inside",
    [
        "|\n  b: 1\n\n  # c\n  d: 2",
        ">-\n   b: 1\n  c: 2",
        "|2\n    b: 1",
        "more\n  b c\n  it's",
        '"b\nc: 1\nd"',
        "'b\n\nc: ''\nd: 2'",
        '"b\\\n  c\\" d: 1"',
        "[b,\nc: 1, 'd]', # e]\n]",
        "{b: {c: [1\n]},\nd: 2}",
        "\n- b: 1\n  c: 2\n- d",
        "\n  b:\n    - c: |\n        d\n      e: 1",
        "&x\n  b: 1",
        "!!str\n  b",
    ],
)
def test_what_stands_within_a_value_is_no_key(inside):
    assert names(f"a: {inside}\nz: 1\n") == ["a", "z"]
    assert level(f"a: {inside}\n\n# c\nz: 1\n").entries[0].stop == inside.count("\n") + 1


def test_comments_and_blanks_between():
    assert names("# a: 1\n--- # b: 2\n\n  # c\nd: 1 # e: 2\n") == ["d"]
    assert level("# nothing\n\n") is None


def test_the_keys_may_all_be_indented():
    assert level("  a: 1\n  b:\n    c: 2\n").indent == 2
    assert names("  a: 1\n  b:\n    c: 2\n") == ["a", "b"]


def test_merges_and_aliases():
    text = "a: &a\n  b: 1\nc:\n  <<: *a\nd: [*e, 'x *f']\n"
    assert read_document(split(text)).aliases == {"a", "e"}
    assert level("a: 1\n<<: *b\n").merges == (1,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{a: 1}\n", "line 1: is written in the flow style"),
        ("[a]\n", "line 1: is written in the flow style"),
        ("- a\n", "line 1: is no plain key"),
        ("a\n", "line 1: is no plain key"),
        ("? a\n: b\n", "line 1: is no plain key"),
        ("!x a: 1\n", "line 1: is no plain key"),
        ("&x a: 1\n", "line 1: is no plain key"),
        ("<%= 'a: 1' %>\n", "line 1: what ERB makes of it is not known"),
        ("a<%= 1 %>: 1\n", "line 1: what ERB makes of it is not known"),
        ("a: 1\n\tb: 2\n", "line 2: is indented with a tab"),
        ("  a: 1\nb: 2\n", "line 2: is indented less"),
        ("a: 1\n---\nb: 2\n", "line 2: is a mark of YAML"),
        ("a: 1\n...\n", "line 2: is a mark of YAML"),
        ("%YAML 1.1\n---\n", "line 1: is a mark of YAML"),
        ("--- &a\nb: 1\n", "line 1: is a mark of YAML"),
        ("a: [1\n", "the text ends within"),
        ("a: 'b\n", "the text ends within"),
    ],
)
def test_what_is_not_clear(text, why):
    with pytest.raises(Unclear, match=why):
        level(text)


def test_a_key_that_is_there_twice():
    found = level("a: 1\n:b: 2\nb: 3\n")
    assert found.find("a").row == 0 and found.find("c") is None
    with pytest.raises(Unclear, match=r"line 3: b is there a second time \(first in line 2\)"):
        found.find("b")
