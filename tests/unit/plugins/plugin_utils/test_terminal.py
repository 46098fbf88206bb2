# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a report that fit a terminal."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.plugin_utils.terminal import cut, title, wrapped


@pytest.mark.parametrize("width", [40, 79])
def test_a_title_fills_the_width(width):
    assert len(title("mastodon.example", "2 critical", width)) == width
    assert len(title("m" * 200, "2 critical", width)) == width


def test_lines_are_wrapped_below_their_beginning():
    assert wrapped("one two three", 9, "- ", "  ") == ["- one two", "  three"]
    assert wrapped("one two three", 9, "> ") == ["> one two", "> three"]
    assert wrapped("", 9, "- ") == ["-"]


def test_what_is_too_long_ends_in_dots():
    assert (cut("archive", 7), cut("archives", 7)) == ("archive", "arch...")
