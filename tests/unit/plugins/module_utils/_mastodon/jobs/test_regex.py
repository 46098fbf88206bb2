# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A regular expression finds what it says, shows where it is wrong, and ends."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs import regex
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


def test_it_is_found_anywhere_in_the_text():
    found = regex.searcher("(?i)time.?out", "error_message")
    assert found("Connection timed out or Time-out") and not found("timed")


@pytest.mark.parametrize(
    ("expression", "says"), [("code (5", r"position 5: code \(5$"), ("a**", r"position 2: a\*\*$")]
)
def test_a_mistake_is_shown(expression, says):
    with pytest.raises(BadOption, match=f"error_message is no regular expression: .*{says}"):
        regex.searcher(expression, "error_message")


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|a)*b", "(.*a){30}x"])
def test_it_cannot_hang(expression, monkeypatch):
    monkeypatch.setattr(regex, "_LIMIT", 0.05)
    with pytest.raises(BadOption, match="took more than 0.05 s for one message of 5001 characters"):
        regex.searcher(expression, "error_message")("a" * 5000 + "!")


def test_it_cannot_hang_by_many_small_delays(monkeypatch):
    monkeypatch.setattr(regex, "_LIMIT_OF_ALL", 0.05)
    monkeypatch.setattr(regex, "_SLOW", 0.0)
    monkeypatch.setattr(regex, "_LIMIT", 600.0)
    found = regex.searcher("(a+)+$", "error_message")
    with pytest.raises(BadOption, match=r"took \d+\.\d s for \d+ messages; write it without repetitions"):
        for _number in range(5000):
            found("a" * 14 + "!")


def test_the_signal_and_its_handler_are_as_before():
    before = regex.signal.getsignal(regex.signal.SIGALRM)
    regex.searcher("a", "error_message")("a")
    assert regex.signal.getsignal(regex.signal.SIGALRM) is before
    assert regex.signal.getitimer(regex.signal.ITIMER_REAL) == (0.0, 0.0)
