# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tootctl did: it ends with status 0, whatever happened."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation.tootctl import read_tootctl, tell


def failures(*ids):
    return "".join(f"Error processing {number}: Validation failed\n" for number in ids)


@pytest.mark.parametrize(
    ("command", "status", "printed", "expected"),
    [
        ("unfollow", 0, "OK, unfollowed target from 3 accounts\n", ("done", 3, None, 0)),
        ("unfollow", 0, "OK, unfollowed target from 0 accounts\n", ("nothing", 0, None, 0)),
        ("unfollow", 0, failures(1) + "OK, unfollowed target from 3 accounts\n", ("partial", 2, None, 1)),
        ("unfollow", 0, failures(1, 2, 3) + "OK, unfollowed target from 3 accounts\n", ("failed", 0, None, 3)),
        ("unfollow", 1, "", ("failed", None, None, 0)),
        ("unfollow", 0, "", ("failed", None, None, 0)),
        ("unfollow", None, "", ("failed", None, None, 0)),
        ("purge", 0, "Removed 12 accounts\nRemoved 1 custom emojis\n", ("done", 12, 1, 0)),
        ("purge", 0, "Removed 12 accounts (DRY RUN)\nRemoved 1 custom emojis (DRY RUN)\n", ("done", 12, 1, 0)),
        ("purge", 0, "Removed 0 accounts\nRemoved 0 custom emojis\n", ("nothing", 0, 0, 0)),
        ("purge", 0, "Removed 0 accounts\nRemoved 2 custom emojis\n", ("done", 0, 2, 0)),
        ("purge", 0, failures(7) + "Removed 1 accounts\nRemoved 0 custom emojis\n", ("failed", 0, 0, 1)),
        ("purge", 1, failures(7) + "Removed 5 accounts\n", ("partial", 4, None, 1)),
        (
            "purge",
            0,
            "\n|====\n\x1b[31mError processing 7: x\x1b[0m\n===|\nRemoved 9 accounts\n",
            ("partial", 8, None, 1),
        ),
        ("purge", 0, "Error processing 7: Removed 9 accounts\nRemoved 2 accounts\n", ("partial", 1, None, 1)),
    ],
)
def test_outcomes(command, status, printed, expected):
    result = read_tootctl(command, "gone.example", status, printed, "")
    assert tuple(result[name] for name in ("outcome", "accounts", "emojis", "failed")) == expected
    assert result["status"] == status and tell(command, result).startswith("gone.example: ")


def test_what_it_said_is_short_and_can_be_shown():
    hostile = "Error processing 7: \x1b]0;owned\x07 \x9b31m \u202e" + "x" * 100_000 + "\n"
    result = read_tootctl("purge", "gone.example", 0, hostile * 50 + "Removed 60 accounts\n", "")
    assert (result["failed"], result["accounts"], len(result["said"])) == (50, 10, 3)
    assert all(line.isprintable() and len(line) <= 200 for line in result["said"])
    assert tell("purge", result).isprintable() and len(tell("purge", result)) < 1000


def test_sentences():
    partial = read_tootctl("unfollow", "a@b", 0, failures(1) + "OK, unfollowed target from 3 accounts\n", "")
    assert tell("unfollow", partial) == (
        "a@b: unfollow was only partly done: 2 accounts no longer follow this account, 1 accounts failed."
        " It said: Error processing 1: Validation failed"
    )
    refused = read_tootctl("unfollow", "a@b", 1, "", "No such account\n")
    assert (
        tell("unfollow", refused) == "a@b: unfollow failed with status 1, 0 accounts failed. It said: No such account"
    )
    nothing = read_tootctl("purge", "b.example", 0, "Removed 0 accounts\nRemoved 0 custom emojis\n", "")
    assert "had nothing to do, as no account of this server is known here" in tell("purge", nothing)
