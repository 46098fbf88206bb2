# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who judges the judge: it says and does what the same Sidekiq release said and did when the vectors were made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import Live
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

VECTORS = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(load_vector.FOLDER.glob("*-*.json"))
    if "malformed-dead" not in path.name or path.name.startswith("edit")
]


def vectors_of(live: Live, kind: str) -> list[Any]:
    found = [vector for vector in VECTORS if (vector["sidekiq"], vector["kind"]) == (live.release.version, kind)]
    return [vector for vector in found if not vector["key_prefix"] and not vector["unique_jobs"]]


def test_it_sees_what_was_seen(live: Live) -> None:
    vectors = vectors_of(live, "read")
    assert vectors
    for vector in vectors:
        load_vector.load(live.client, vector["state"], flush=True)
        seen = live.judge.ask("snapshot", clock=vector["clock"])
        for queue in seen["queues"]:
            assert queue.pop("paused") is False  # the recording has it from 8.1.1 on, where it can be true
        expected = vector["expected"]
        for answer in (seen, expected):  # what started in the same second has no order
            answer["work"] = sorted(answer["work"], key=lambda work: (work["process"], work["thread"]))
        assert {part: seen[part] for part in expected} == expected, vector["id"]
        assert load_vector.dump(live.client) == vector["state"], f"{vector['id']}: reading changed something"


def test_it_does_what_was_done(live: Live) -> None:
    vectors = vectors_of(live, "edit")
    assert vectors
    for vector in vectors:
        load_vector.load(live.client, vector["before"], flush=True)
        live.judge.ask(vector["intent"]["op"], clock=vector["clock"], **without_op(vector["intent"]))
        assert comparable(load_vector.dump(live.client)) == comparable(vector["after"]), vector["id"]


def without_op(intent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in intent.items() if name != "op"}


def comparable(state: dict[str, Any]) -> dict[str, Any]:
    """Without what runs while the test does: times to live, and the one-minute lock of the clean-up."""
    return {key: (entry["type"], entry["value"]) for key, entry in state.items() if key != "process_cleanup"}


def test_it_refuses_what_it_does_not_know(live: Live) -> None:
    state = next(vector["state"] for vector in vectors_of(live, "read") if vector["expected"]["retry"])
    load_vector.load(live.client, state, flush=True)
    with pytest.raises(AssertionError, match="unknown operation"):
        live.judge.ask("no_such")
    with pytest.raises(AssertionError, match="unknown condition"):
        live.judge.ask("kill", where="retry", match={"colour": "red"})
    assert load_vector.dump(live.client) == state
