# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption, SidekiqError
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.forked_worker import SecondProcess


@pytest.fixture
def begun():
    """Begins second processes, and lets them end."""
    opened = []

    def begin(work, result):
        opened.append(SecondProcess(work, result))
        return opened[-1]

    yield begin
    for second in opened:
        second.close()


def test_it_works_on_its_pages_in_their_order_and_says_what_came_of_them(begun):
    seen = []
    second = begun(seen.append, lambda: (os.getpid(), seen))
    pages = [list(range(first, first + 50_000)) for first in range(20)]
    for page in pages:
        second.give(page)
    pid, found = second.result()
    assert found == pages
    assert pid != os.getpid()
    assert seen == []


def test_it_is_busy_after_some_pages_and_free_again_when_they_are_done(begun):
    gate, opener = os.pipe()
    second = begun(lambda _page: os.read(gate, 1), lambda: None)
    given = 0
    while second.is_free:
        second.give("page")
        given += 1
    assert 0 < given < 10
    os.write(opener, b"." * given)
    while not second.is_free:
        pass
    assert second.result() is None


def test_its_errors_are_ours(begun):
    def refuse(_page):
        raise BadOption("where: no such function")

    second = begun(refuse, lambda: None)
    second.give("page")
    second.give("another")
    with pytest.raises(BadOption, match="no such function"):
        second.result()


@pytest.mark.parametrize("pages", [0, 1, 40])
def test_that_it_was_killed_is_said(begun, pages):
    second = begun(lambda _page: None, lambda: None)
    os.kill(second._pid, signal.SIGKILL)
    with pytest.raises(SidekiqError, match="ended from outside"):
        for _number in range(pages):
            second.give("x" * 100_000)
        second.result()
