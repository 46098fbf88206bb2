# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words and quotes as systemd.syntax(7) describes them."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.words import (
    split,
    unquote,
)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("bundle exec sidekiq -c 25", ["bundle", "exec", "sidekiq", "-c", "25"]),
        ("""-g "my tag" 'a b'""", ["-g", "my tag", "a b"]),
        ("""A="b c" D='e "f"'""", ["A=b c", 'D=e "f"']),
        (r"""a\ b "say \"x\"" "it's" """, ["a b", 'say "x"', "it's"]),
        (r"a\sb a\\b", ["a b", r"a\b"]),
        ("", []),
    ],
)
def test_words(line, words):
    assert [unquote(word) for word in split(line)] == words
