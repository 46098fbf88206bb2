# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runbooks that are interrupted while jobs are out of Redis, in every way; `./dev soak --interruptions 200` is the long form."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.tests.instance import server
from ansible_collections.fediverse.mastodon.tests.playbooks import interruptions

ROUNDS = [
    (runbook, moment, way)
    for (runbook, moment), way in zip(
        [
            ("federation_rescue", "taken"),
            ("backlog_recovery", "taken"),
            ("export_rescue", "taken"),
            ("federation_rescue", "taken"),
            ("backlog_recovery", "archive"),
            ("export_rescue", "archive"),
            ("federation_rescue", "taken"),
        ],
        interruptions.WAYS,
    )
]


@pytest.mark.one_core
@pytest.mark.parametrize(("runbook", "moment", "way"), ROUNDS)
def test_an_interrupted_run_is_undone(tmp_path, runbook, moment, way):
    seed = interruptions.WAYS.index(way)
    with server.running(binary="redis-server") as running, running.client() as client:
        controller = interruptions.Controller(running.url, client, tmp_path)
        found = interruptions.play_round(controller, runbook, way, seed, moment=moment)
    assert not found.is_bad, interruptions.describe(runbook, seed, found)
    assert found.removed or moment != "taken", "nothing was removed that undo could restore"
