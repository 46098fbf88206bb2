# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about what waits for its time, each on both sides of its border."""

from __future__ import annotations

from collections import Counter

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis import waiting
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.survey import Survey
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit.unique_locks import Lock, LockReport

from .builders import NOW, finds, job_set, one, recurring, view


@pytest.mark.parametrize(("name", "rule_id"), [("retry", "retries_not_moving"), ("scheduled", "scheduled_not_moving")])
@pytest.mark.parametrize(
    ("late", "due", "severity"),
    [
        (60.0, 1, None),
        (60.1, 1, "warning"),
        (600.0, 1, "warning"),
        (600.1, 1, "critical"),
        (600.1, 0, None),
        (None, 1, None),
        (-10.0, 0, None),
    ],
)
def test_due_not_moving(name, rule_id, late, due, severity):
    oldest = None if late is None else NOW - late
    seen = view(sets={name: job_set(name, 3, oldest, due)})
    assert finds(waiting.due_not_moving, seen) == ([(severity, rule_id)] if severity else [])


def test_due_not_moving_as_given():
    for late, severity in [(7.0, None), (7.1, "warning"), (70.1, "critical")]:
        seen = view(limits={"due_late": 7}, sets={"retry": job_set("retry", 1, NOW - late, 1)})
        assert [finding.severity for finding in waiting.due_not_moving(seen)] == ([severity] if severity else [])


def test_the_dead_do_not_move():
    assert finds(waiting.due_not_moving, view(sets={"dead": job_set("dead", 1, NOW - 9999, 1)})) == []
    assert finds(waiting.due_not_moving, view(sets=None)) == []


def test_due_not_moving_says_how_many():
    seen = view(sets={"retry": job_set("retry", 9, NOW - 120, 1), "scheduled": job_set("scheduled", 9, NOW - 120, 2)})
    retry, scheduled = waiting.due_not_moving(seen)
    assert "1 job is due, the first for 2 min" in retry.summary
    assert "2 jobs are due" in scheduled.summary
    assert retry.evidence == {"due": 1, "overdue_by": 120.0}


@pytest.mark.parametrize(
    ("overdue", "severity"),
    [
        ([], None),
        ([300.0], None),
        ([300.1], "warning"),
        ([300.1, 300.0], "warning"),
        ([300.1, 300.1], "critical"),
    ],
)
def test_recurring_overdue(overdue, severity):
    seen = view(schedule=tuple(recurring(f"entry-{number}", late) for number, late in enumerate(overdue)))
    assert finds(waiting.recurring_overdue, seen) == ([(severity, "recurring_overdue")] if severity else [])


def test_recurring_overdue_names_the_latest_first():
    entries = tuple(recurring(name, late) for name, late in [("a", 400.0), ("b", 700.0), ("c", 500.0), ("d", 600.0)])
    finding = one(waiting.recurring_overdue, view(schedule=entries))
    assert finding.summary.endswith("by up to 12 min: b, d, c, ....")
    assert finding.evidence == {"overdue": {"b": 700.0, "d": 600.0, "c": 500.0, "a": 400.0}}
    assert finds(waiting.recurring_overdue, view(limits={"recurring_late": 700}, schedule=entries)) == []
    assert finds(waiting.recurring_overdue, view(schedule=None)) == []


def retries(total, **domains):
    return Survey(
        retry_read=total,
        retry_domains=Counter({name.replace("_", "."): count for name, count in domains.items()}),
        retry_errors=Counter({"HTTP::TimeoutError": total}),
    )


@pytest.mark.parametrize(
    ("survey", "found"),
    [
        (retries(0), False),
        (retries(49, gone_example=49), False),  # too few to mean anything
        (retries(50, gone_example=25), False),
        (retries(50, gone_example=26), True),
        (retries(100, gone_example=50, slow_example=50), False),
        (retries(100), False),
    ],
)
def test_domain_fills_retry(survey, found):
    assert finds(waiting.domain_fills_retry, view(survey)) == [("warning", "domain_fills_retry")] * found


def test_domain_fills_retry_as_given():
    survey = retries(100, gone_example=20, slow_example=10)
    assert finds(waiting.domain_fills_retry, view(survey, {"domain_share": 0.2})) == []
    finding = one(waiting.domain_fills_retry, view(survey, {"domain_share": 0.19}))
    assert finding.evidence == {
        "retries": 20,
        "total": 100,
        "domains": {"gone.example": 20, "slow.example": 10},
        "errors": {"HTTP::TimeoutError": 100},
    }


@pytest.mark.parametrize(("count", "limit", "found"), [(10, 10, False), (11, 10, True), (1, 0, True), (0, 0, False)])
def test_deaths(count, limit, found):
    survey = Survey(deaths=count, death_causes=Counter({"A: RuntimeError": count}))
    assert finds(waiting.deaths, view(survey, {"deaths_per_hour": limit})) == [("warning", "deaths_recent")] * found


def test_a_large_dead_set_is_no_finding():
    assert finds(waiting.deaths, view(sets={"dead": job_set("dead", 10_000, NOW - 99, 0)})) == []


def lock(digest, age):
    return Lock(digest, {"jid": None if age is None else NOW - age}, runtime=False, outlives=False)


@pytest.mark.parametrize(
    ("report", "found"),
    [
        (None, False),
        (LockReport((lock("a", 9.0),), ()), False),
        (LockReport((lock("a", 9.0),), (lock("a", 9.0),)), True),
    ],
)
def test_orphaned_locks(report, found):
    assert finds(waiting.orphaned_locks, view(Survey(locks=report))) == [("warning", "locks_orphaned")] * found


def test_orphaned_locks_say_how_old():
    orphans = (lock("a", 86400.0), lock("b", 3 * 86400.0))
    finding = one(waiting.orphaned_locks, view(Survey(locks=LockReport((*orphans, lock("c", 1.0)), orphans))))
    assert finding.evidence == {"orphaned": 2, "uncertain": 0, "total": 3, "oldest_age": 3 * 86400.0}
    assert "2 of 3 unique locks" in finding.summary
    assert "3.0 d" in finding.summary


@pytest.mark.parametrize("places", [{}, {"dead": 2, "push": 1}])
def test_malformed(places):
    seen = view(Survey(malformed=Counter(places)))
    assert finds(waiting.malformed, seen) == [("notice", "malformed_members")] * bool(places)
    if places:
        finding = one(waiting.malformed, seen)
        assert finding.evidence == {"places": places}
        assert "3 members are no job: dead 2, push 1." in finding.summary


@pytest.mark.parametrize("left_out", [{}, {"push": 5, "retry": 2}])
def test_unread(left_out):
    seen = view(Survey(unread=left_out))
    assert finds(waiting.unread, seen) == [("notice", "survey_incomplete")] * bool(left_out)
    if left_out:
        finding = one(waiting.unread, seen)
        assert finding.evidence == {"unread": left_out}
        assert finding.summary.startswith("7 jobs were not read (more than survey_limit in push, retry)")
