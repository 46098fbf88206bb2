# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines before ERB is run: what is text, what is written, what is left out."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.lines import Unclear, join, split


def test_lines_with_their_ends():
    lines = split("a: 1\r\nb: 2\n\nc: 3")
    assert [(line.text, line.end) for line in lines] == [("a: 1", "\r\n"), ("b: 2", "\n"), ("", "\n"), ("c: 3", "")]
    assert split("") == ()


def test_masks_and_depths():
    text = "<%# c %>\na: <%= x %> # y\n<% if y %>\nb: <%% 1\n<% else %>\n<% end %>\n<%\n  z = 1\n%>\n"
    lines = split(text)
    masks = ["", "a: EEEEEEEE # y", "", "b: <%% 1", "", "", "", "", ""]
    assert [line.mask.rstrip() for line in lines] == masks
    assert [len(line.mask) for line in lines] == [len(line.text) for line in lines]
    assert [line.depth for line in lines] == [0, 0, 1, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    "code",
    [
        "if x",
        "unless x",
        "case x",
        "3.times do",
        "3.times do |n|",
        "list.each { |n|",
        "begin",
        "x = 1; while x",
        "- for a in b -",
    ],
)
def test_blocks_of_erb(code):
    assert split(f"<%{code}%>\n<% end %>\n")[0].depth == 1
    with pytest.raises(Unclear, match="a block of ERB is not closed"):
        split(f"<%{code}%>\n")


@pytest.mark.parametrize("code", ["x = 1", "x = 1 if y", "# if x", "if x; y = 1; end", "fido = 1"])
def test_no_blocks_of_erb(code):
    assert split(f"<%{code}%>\n")[0].depth == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\rb: 2\n", "line 1: a carriage return"),
        ("a: \u2028\n", "line 1: holds U\\+2028"),
        ("a: <%= 1\n", "line 1: an ERB tag is not closed"),
        ("a: 1\n<% end %>\n", "line 2: ERB ends a block"),
        ("a: <%= 1 +\n 1 %>\n", "line 1: ERB writes something over several lines"),
        ("a: <%= 1 -%>\nb: 1\n", "line 1: ERB joins it with the next line"),
        ("  <%# x -%>\nb: 1\n", "line 1: ERB joins it"),
        ("a: 1 <%# x -%>\n", "line 1: ERB joins it"),
        ("<% x = 1 %>b: 1\n", "line 1: ERB moves what follows it"),
        ("<% '%%>' %>\n", "line 1: ERB with an escaped"),
    ],
)
def test_what_is_not_clear(text, why):
    with pytest.raises(Unclear, match=why):
        split(text)


def test_join_replaces_lines_and_keeps_the_rest():
    lines = split("a\r\nb\r\nc")
    assert join(lines, {}) == "a\r\nb\r\nc"
    assert join(lines, {1: ("x", "y")}) == "a\r\nx\r\ny\r\nc"
    assert join(lines, {2: ("c", "d")}) == "a\r\nb\r\nc\r\nd"
    assert join(lines, {0: ()}) == "b\r\nc"
