# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.prefilter import Needles


@pytest.mark.parametrize(
    ("raw", "possible"),
    [
        (rb'{"class":"MoveWorker"}', True),
        (rb'{"class":"Other"}', False),
        (rb'{"class":"\u004doveWorker"}', True),
        (rb'{"class":"Other","args":["\\u004doveWorker"]}', False),
        (rb'{"class":"\\\u004d"}', True),
    ],
)
def test_text_or_an_escape_that_may_hide_it(raw, possible):
    assert Needles([b"MoveWorker"]).possible(raw) is possible


@pytest.mark.parametrize(
    ("raw", "possible"),
    [
        (b'["https://gone.example/inbox"]', True),
        (b'["https://GONE.example/inbox"]', True),
        (b'["https://here.example/inbox"]', False),
        (rb'["{\"actor\":\"https://\\u0067one.example/x\"}"]', True),
    ],
)
def test_a_server_in_any_case_also_inside_an_activity(raw, possible):
    assert Needles([b"Gone.example"], folded=True, nested=True).possible(raw) is possible


def test_without_needles_all_is_possible():
    assert not Needles()
    assert Needles().possible(b"anything")
