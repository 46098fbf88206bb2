# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, plain and as defaults in ERB."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.lines import Unclear, split
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.numbers import number_of
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.structure import (
    read_document,
    read_level,
)


def number(text):
    lines = split(text)
    document = read_document(lines)
    found = number_of(document, read_level(document, 0, len(lines)).entries[0])
    return found, found.changed(lines[found.row], 12)


@pytest.mark.parametrize(
    ("text", "value", "changed"),
    [
        ("a: 5", 5, "a: 12"),
        (":a:   5  # five: 5", 5, ":a:   12  # five: 5"),
        ("a:\t5\t# x", 5, "a:\t12\t# x"),
        ("a: 5# x", None, "a: 12"),
        ("a:", None, "a: 12"),
        ("a: # x", None, "a: 12 # x"),
        ("a:\n  5", 5, "  12"),
        ("a: '5'", None, "a: 12"),
        ('a: "5" # x', None, "a: 12 # x"),
        ("a: 05", None, "a: 12"),
        ("a: ~", None, "a: 12"),
        ("a: <%= 5 %>", 5, "a: <%= 12 %>"),
        ("a: <%=ENV.fetch('B',5)%> # x", 5, "a: <%=ENV.fetch('B',12)%> # x"),
        ('a: <%= ENV.fetch( "B" , "5" ).to_i %>', 5, 'a: <%= ENV.fetch( "B" , "12" ).to_i %>'),
        ("a: <%= ENV.fetch('B') { 5 } %>", 5, "a: <%= ENV.fetch('B') { 12 } %>"),
        ("a: <%= ENV['B'] || 5 %>", 5, "a: <%= ENV['B'] || 12 %>"),
    ],
)
def test_numbers(text, value, changed):
    found, line = number(text)
    assert (found.value, line) == (value, changed)
    assert found.variable == ("B" if "ENV" in text else None)


@pytest.mark.parametrize(
    "value",
    [
        "<%= Etc.nprocessors %>",
        "<%= 2 + 3 %>",
        "<%= 5 %>0",
        '"<%= 5 %>"',
        "<%= ENV.fetch('A', ENV.fetch('B', 5)) %>",
        "&a 5",
        "*a",
        "!!int 5",
        "[5]",
        "{b: 5}",
        "|\n  5",
        "5\n  6",
        "\n  b: 5",
        "\n  - 5\n  - 6",
    ],
)
def test_what_is_not_clear(value):
    with pytest.raises(Unclear, match="line [12]: the value"):
        number(f"a: {value}\n")
