# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runbook for federation decides."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation import plan
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


def work(domain, *ages):
    return [{"domain": domain, "elapsed": age} for age in ages]


def test_who_holds_threads():
    busy = [
        *work("busy.example", *[2.0] * 6),
        *work("gone.example", 900.0, 5.0),
        *work("fine.example", 1.0),
        *work(None, 9e9),
    ]
    found = plan.look(busy, {"fails.example": 300, "few.example": 3}, "10m", [], 2)
    assert [(one["domain"], one["threads"], one["stuck"]) for one in found["holders"]] == [
        ("gone.example", 2, 1),
        ("busy.example", 6, 0),
        ("fine.example", 1, 0),
    ]
    assert (found["busy"], found["remote"], found["stuck_domains"]) == (10, 9, ["gone.example"])
    assert found["suspects"] == ["gone.example", "busy.example", "fails.example"]
    assert found["closely"] == ["gone.example", "busy.example"]
    assert plan.look(busy, {}, 600, ["fine.example"], 5)["closely"] == ["fine.example"]


def test_a_limit_that_is_no_time():
    with pytest.raises(BadOption, match="federation_rescue_stuck_after"):
        plan.look([], {}, "soon", [], 5)


@pytest.mark.parametrize(
    ("actions", "domains", "confirmed", "why"),
    [
        ([], [], [], None),
        (["stop_stuck"], [], [], None),
        (["quarantine", "stop_stuck"], ["gone.example"], [], None),
        (["delete"], ["gone.example"], ["delete"], None),
        (["quarantine"], [], [], "Name the servers"),
        (["quarantine"], ["*"], [], "a pattern for all servers"),
        (["quarantine"], ["*.*"], [], "a pattern for all servers"),
        (["release", "quarantine"], ["a.example"], [], "choose one"),
        (["delete"], ["a.example"], ["purge"], "federation_rescue_confirm=delete"),
        (["purge"], ["a.example"], [], "cannot be|lost for good"),
        (["purge"], ["*.example"], ["purge"], "not patterns"),
        (["unfollow"], [], [], "cannot be undone"),
        (["block"], ["a.example"], [], "stops no delivery"),
        (["block"], ["*.example"], ["block"], "block wants names of servers"),
        (["block"], [], ["block"], "Name the servers"),
        (["block"], ["a.example"], ["block"], None),
        (["flush"], [], [], "There is no action flush"),
    ],
)
def test_refusals(actions, domains, confirmed, why):
    found = " ".join(plan.refusals(actions, domains, confirmed))
    assert found == "" if why is None else any(part in found for part in why.split("|"))


def record(run, archive, did="quarantine", undone=None, runbook="federation_rescue"):
    return {"run": run, "runbook": runbook, "undone_at": undone, "steps": [{"did": did, "archive": archive}]}


def test_what_is_in_quarantine():
    records = [
        record("e", "/e"),
        record("d", "/d", undone="2026"),
        record("c", "/c", did="delete"),
        record("b", None),
        record("a", "/a", runbook="export_rescue"),
        record("0", "/0"),
    ]
    assert plan.quarantines(records) == ["/0", "/e"], "oldest first"
    assert plan.quarantines(records, ["d"]) == ["/d"]


def test_an_interrupted_quarantine_is_in_quarantine():
    """Its steps are those that the edits themselves wrote, or that were found in the headers of archives."""
    interrupted = record("a", "/a")
    interrupted["steps"] = [
        {"did": "quarantine", "archive": "/a", "under_way": True},
        {"did": "delete", "archive": "/b", "under_way": True},
    ]
    assert plan.quarantines([interrupted]) == ["/a"]


def test_parts_grow_from_the_canary_on_and_begin_with_the_queues():
    pending = [
        {"archive": "/a", "by_set": {"retry": 2, "queues": 300}},
        {"msg": "gone"},
        {"archive": "/b", "by_set": {"queues": 7}},
    ]
    steps = plan.release_steps(pending, 10, 200)
    assert [(step["archive"], step["set"], step["limit"], step["canary"]) for step in steps] == [
        ("/a", "queues", 10, True),
        ("/a", "queues", 100, False),
        ("/a", "queues", 190, False),
        ("/b", "queues", 7, False),
        ("/a", "retry", 2, False),
    ]
    assert plan.release_steps([], 10, 200) == []
    few = [{"archive": "/a", "by_set": {"queues": 5}}]
    assert [step["limit"] for step in plan.release_steps(few, 10, 2)] == [2, 2, 1]
    with pytest.raises(BadOption, match="canary must be at least 1"):
        plan.release_steps([], 0, 200)
    with pytest.raises(BadOption, match="release_batch must be at most 10000"):
        plan.release_steps([], 10, 10_001)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"finished": 9, "failed": 1}, None),
        ({"finished": 8, "failed": 2}, "2 of the 10 released jobs failed."),
        ({"finished": 1, "failed": 1, "later": 8}, "1 of the 10 released jobs failed."),
        ({"finished": 2, "later": 8}, None),
        ({"finished": 9, "waiting": 1}, "1 of the 10 released jobs still wait after 5m: no process works them off."),
        ({"finished": 9, "running": 1}, "1 of the 10 released jobs still run after 5m."),
        ({"running": 8, "failed": 2}, "2 of the 10 released jobs failed."),
        (
            {"finished": 8},
            "0 of the 10 released jobs failed, and 2 have no id, so that nobody can say what became of them.",
        ),
    ],
)
def test_whether_to_go_on(counts, reason):
    outcomes = {**dict.fromkeys(("finished", "failed", "running", "waiting", "later"), 0), **counts}
    assert plan.verdict(10, outcomes, True, 0.1, "5m") == reason


def test_what_is_not_certain_stops_a_release():
    outcomes = {"finished": 10, "failed": 0, "running": 0, "waiting": 0, "later": 0}
    assert "a process is silent" in str(plan.verdict(10, outcomes, False, 0.1, "5m"))
    assert plan.verdict(10, None, False, 0.1, "5m", "Redis is gone.") == (
        "What became of the 10 released jobs could not be read. Redis is gone."
    )
    assert plan.verdict(0, None, False, 0.1, "5m") is None, "others have released them meanwhile"


def test_names_that_no_server_has_are_skipped_and_said():
    names = ["a" * 312, "a" * 64 + ".example", "fd00::1", "-x-", "gone.example", "v4.192.0.2.1"]
    busy = [{"domain": name, "elapsed": 900.0} for name in names]
    found = plan.look(busy, {"b" * 300: 900, "fails.example": 900}, "10m", [], 60)
    assert found["stuck_domains"] == ["gone.example", "v4.192.0.2.1"]
    assert found["closely"] == found["named"] == found["suspects"] == ["gone.example", "v4.192.0.2.1", "fails.example"]
    assert found["skipped"] == sorted([*names[:4], "b" * 300])
    assert len(found["holders"]) == 6  # they are shown all the same
    wanted = plan.look([], {}, "10m", ["*.gone.example", "a.example"], 5)
    assert wanted["closely"] == ["*.gone.example", "a.example"] and wanted["named"] == ["a.example"]
