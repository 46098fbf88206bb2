# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Sidekiq's own Ruby API did to recorded processes, against what sidekiq_process does."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.tests.redis.intents import STATES, changed, check_same
from ansible_collections.fediverse.mastodon.tests.redis.process_task import change
from ansible_collections.fediverse.mastodon.tests.vectors import load_vector

FOLDER = load_vector.FOLDER
ALL = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("edit-*.json"))]
VECTORS = {vector["id"]: vector for vector in ALL if vector["intent"]["op"] not in STATES}
OPTIONS = {
    "prune_processes": [{"state": "absent"}],
    "quiet": [{"state": "quiet"}],
    "stop": [{"state": "stopped"}],
    "quiet_then_stop": [{"state": "quiet"}, {"state": "stopped"}],
}
LOCKED = "edit-739-prune-ghosts-locked"


def tasks(vector):
    for options in OPTIONS[vector["intent"]["op"]]:
        if "process" in vector["intent"]:
            options = {**options, "identities": [vector["intent"]["process"]], "wait": False}
        yield {"prefix": vector["key_prefix"], "clock": vector["clock"], **options}


def carry_out(client, vector, check_mode=False):
    load_vector.load(client, vector["before"], flush=True)
    results = [change(client, check_mode, **options) for options in tasks(vector)]
    return results, load_vector.dump(client)


def split(state):
    """The signals, and the rest, which can be compared as other vectors are."""
    signals = {key: entry["value"] for key, entry in state.items() if key.endswith("-signals")}
    return signals, {key: entry for key, entry in state.items() if key not in signals}


def check_all(after, wanted, before):
    (ours, rest), (theirs, other) = split(after), split(wanted)
    assert ours == theirs
    for key in ours:
        assert abs(after[key]["ttl_ms"] - wanted[key]["ttl_ms"]) <= 2000
    check_same(rest, other, before)


def test_they_are_the_vectors_about_processes():
    assert len(VECTORS) == 8
    assert {vector["intent"]["op"] for vector in VECTORS.values()} <= set(OPTIONS)


@pytest.mark.parametrize("name", sorted(set(VECTORS) - {LOCKED}))
def test_same_as_ruby(name, scratch_redis):
    vector = VECTORS[name]
    results, after = carry_out(scratch_redis, vector)
    check_all(after, vector["after"], vector["before"])
    same = all(key.endswith("process_cleanup") for key in vector["changed_keys"])
    assert any(result["changed"] for result in results) != same


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_check_mode_foresees_it_and_touches_nothing(name, scratch_redis):
    vector = VECTORS[name]
    foreseen, after = carry_out(scratch_redis, vector, check_mode=True)
    assert after == load_vector_again(scratch_redis, vector)
    done, _after = carry_out(scratch_redis, vector)
    for checked, real in zip(foreseen, done):
        assert {**checked, "duration": 0} == {**real, "duration": 0}


def load_vector_again(client, vector):
    load_vector.load(client, vector["before"], flush=True)
    return load_vector.dump(client)


def test_differs_from_ruby_ghosts_go_even_if_somebody_looked_for_them_a_moment_ago(scratch_redis):
    """Ruby looks once a minute, by a lock, as it cannot tell in one step whether a process has come back. Ours can."""
    vector = VECTORS[LOCKED]
    [result], after = carry_out(scratch_redis, vector)
    registered = vector["before"]["processes"]["value"]
    living = [identity for identity in registered if identity in vector["before"]]
    assert result["ghosts_removed"] == len(registered) - len(living) > 0
    check_all(after, changed(vector["after"], processes={"value": living}), vector["before"])


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_the_second_time_nothing_changes(name, scratch_redis):
    carry_out(scratch_redis, VECTORS[name])
    before = load_vector.dump(scratch_redis)
    for options in tasks(VECTORS[name]):
        assert not change(scratch_redis, **options)["changed"]
    assert load_vector.dump(scratch_redis).keys() == before.keys()
