# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about archives, each on both sides of its border."""

from __future__ import annotations

from collections import Counter

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis import exports
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.survey import Export, Survey

from .builders import NOW, finds, job, one, view


def export(place, archive="[1]", ahead=None, due_at=None, **fields):
    return Export(place, archive, job("BackupWorker", [1], **{"queue": "pull", **fields}), ahead, due_at)


def seen(*found, **survey):
    return view(Survey(exports=list(found), **survey))


@pytest.mark.parametrize(
    ("place", "ahead", "waited", "found"),
    [
        ("queue", 1000, 0.0, False),
        ("queue", 1001, 0.0, True),
        ("queue", 0, 3600.0, False),
        ("queue", 0, 3600.1, True),
        ("queue", None, 3600.1, True),
        ("retry", 1001, 3600.1, False),
        ("scheduled", 1001, 3600.1, False),
        ("running", 1001, 3600.1, False),
    ],
)
def test_waiting(place, ahead, waited, found):
    waiting = seen(export(place, ahead=ahead, enqueued_at=NOW - waited))
    assert finds(exports.export_waiting, waiting) == [("warning", "export_waiting")] * found


def test_waiting_as_given():
    limits = {"queue_size_critical": 5, "export_wait": 10}
    for ahead, waited, found in [(5, 10.0, 0), (6, 0.0, 1), (0, 11.0, 1)]:
        survey = Survey(exports=[export("queue", ahead=ahead, enqueued_at=NOW - waited)])
        assert len(finds(exports.export_waiting, view(survey, limits))) == found


def test_waiting_says_behind_what():
    classes = {"pull": Counter({"ActivityPub::LowPriorityDeliveryWorker": 20000, "LinkCrawlWorker": 1})}
    waiting = seen(export("queue", ahead=20000, jid="a", enqueued_at=NOW - 1500), queue_classes=classes)
    finding = one(exports.export_waiting, waiting)
    assert finding.subject == "archive job a"
    assert "waited 25 min behind 20,000 jobs of the queue pull" in finding.summary
    assert "(mostly ActivityPub::LowPriorityDeliveryWorker 20,000)" in finding.summary
    assert "fediverse.mastodon.export_rescue " in finding.fix and "fediverse.mastodon.workers" in finding.fix
    assert finding.evidence == {"jid": "a", "waited": 1500.0, "ahead": 20000}


@pytest.mark.parametrize(
    ("fields", "waited"),
    [
        ({"enqueued_at": NOW - 7200}, 7200.0),
        ({"created_at": NOW - 7200}, 7200.0),
        ({"created_at": NOW - 9999, "enqueued_at": NOW - 7200}, 7200.0),
        ({"enqueued_at": (NOW - 7200) * 1000}, 7200.0),
        ({"enqueued_at": NOW + 7200}, 0.0),
        ({}, 0.0),
        ({"enqueued_at": "yesterday"}, 0.0),
    ],
)
def test_how_long_it_has_waited(fields, waited):
    assert one(exports.export_waiting, seen(export("queue", ahead=1001, **fields))).evidence["waited"] == waited


@pytest.mark.parametrize("place", ["queue", "retry", "scheduled", "running"])
def test_retrying(place):
    assert finds(exports.export_retrying, seen(export(place))) == [("warning", "export_retrying")] * (place == "retry")


@pytest.mark.parametrize(
    ("retry_count", "due_at", "words"),
    [
        (0, NOW + 45, "failed 1 time with Errno::ENOSPC; next try in 45 s."),
        (3, NOW - 45, "failed 4 times with Errno::ENOSPC; next try in 0 s."),
        (3, None, "failed 4 times with Errno::ENOSPC."),
        (10**4299, None, "failed 0 times with Errno::ENOSPC."),
    ],
    ids=["first", "due", "unknown", "no count"],
)
def test_retrying_says_how_often_and_when_again(retry_count, due_at, words):
    failing = export("retry", due_at=due_at, retry_count=retry_count, error_class="Errno::ENOSPC")
    assert words in one(exports.export_retrying, seen(failing)).summary


def test_retrying_with_an_error_that_is_none():
    assert "with an unknown error" in one(exports.export_retrying, seen(export("retry", error_class=7))).summary


def test_duplicated():
    three = [export("retry", jid="b"), export("retry", jid="a"), export("running", jid="c")]
    finding = one(exports.export_duplicated, seen(*three, export("retry", "[2]")))
    assert finding.summary == "3 jobs build the same archive (retry, running)."
    assert finding.evidence == {"jids": ["a", "b", "c"], "places": ["retry", "retry", "running"]}


def test_duplicated_archives_are_told_apart():
    both = seen(export("retry", "[1]"), export("queue", "[1]"), export("retry", "[2]"), export("queue", "[2]"))
    assert finds(exports.export_duplicated, both) == [("warning", "export_duplicated")] * 2


def test_a_job_that_is_seen_twice_while_it_moves_is_one():
    assert finds(exports.export_duplicated, seen(export("queue", jid="a"), export("running", jid="a"))) == []


def test_other_archives_are_no_duplicates():
    assert finds(exports.export_duplicated, seen(export("queue", "[1]"), export("queue", "[2]"))) == []
