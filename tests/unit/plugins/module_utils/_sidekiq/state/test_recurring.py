# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurring jobs of sidekiq-scheduler and sidekiq-cron, from the replies of Redis."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.batch import Answer, Batch
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.recurring import read_schedule

NOW = 1795331156.0  # 2026-11-22 07:05:56 +0000
CONFIG = json.dumps({"every": "5m", "class": "Scheduler::VacuumScheduler", "queue": "scheduler"}).encode()


class Canned(Batch):
    """Answers by the name of the key."""

    def __init__(self, replies):
        super().__init__(None)
        self.replies = replies

    def ask(self, method, *args, **options):
        answer = Answer()
        answer.receive(self.replies.get(args[0].decode()))
        return answer


def schedule(replies, prefix=""):
    reader = read_schedule(Canned(replies), Keys(prefix), lambda: NOW)
    try:
        while True:
            next(reader)
    except StopIteration as end:
        return list(end.value)


def one(config=CONFIG, state=None, last=None, following=None):
    replies = {"schedules": {b"vacuum": config}}
    for key, value in (("states", state), ("last_times", last), ("next_times", following)):
        if value is not None:
            replies[f"sidekiq-scheduler:{key}"] = {b"vacuum": value}
    found = schedule(replies)
    assert len(found) == 1
    return found[0]


def test_nothing():
    assert schedule({}) == []


def test_scheduler():
    found = one(last=b"2026-11-22 07:05:00 +0000", following=b"2026-11-22 07:10:00 +0000")
    assert (found.name, found.source) == ("vacuum", "sidekiq-scheduler")
    assert (found.worker_class, found.queue, found.enabled) == ("Scheduler::VacuumScheduler", "scheduler", True)
    assert (found.last_at, found.next_at, found.overdue_by) == (NOW - 56, NOW + 244, 0.0)


@pytest.mark.parametrize(
    ("following", "overdue"),
    [
        (b"2026-11-22 07:05:56 +0000", 0.0),
        (b"2026-11-22 07:05:55 +0000", 1.0),
        (b"2026-11-22 06:05:56 UTC", 3600.0),
        (b"2026-11-22 08:05:55 +0100", 1.0),
        (b"tomorrow", 0.0),
        (None, 0.0),
    ],
)
def test_overdue(following, overdue):
    assert one(following=following).overdue_by == overdue


@pytest.mark.parametrize(
    ("config", "state", "enabled"),
    [
        ({}, None, True),
        ({"enabled": False}, None, False),
        ({"enabled": True}, {"enabled": False}, False),
        ({"enabled": False}, {"enabled": True}, True),  # the state is what the Web UI switched
        ({"enabled": False}, {}, False),
    ],
)
def test_enabled(config, state, enabled):
    stored = None if state is None else json.dumps(state).encode()
    found = one(json.dumps(config).encode(), stored, following=b"2026-11-22 06:05:56 +0000")
    assert found.enabled is enabled
    assert found.overdue_by == (3600.0 if enabled else 0.0)


@pytest.mark.parametrize("config", [b"", b"null", b"[]", b"\xff", b'{"class": 1, "queue": [], "enabled": "no"}'])
def test_broken_entries_are_listed(config):
    found = one(config, state=b"\xff", last=b"\xff", following=b"")
    assert (found.name, found.worker_class, found.queue, found.enabled, found.next_at) == (
        "vacuum",
        None,
        None,
        True,
        None,
    )


def test_by_name():
    found = schedule({"schedules": {b"b": CONFIG, b"\xff": CONFIG, b"a": CONFIG}})
    assert [job.name for job in found] == ["a", "b", "\\xff"]


CRON = {
    b"name": b"Nightly",
    b"klass": b"NightlyJob",
    b"queue": b"default",
    b"status": b"enabled",
    b"last_enqueue_time": b"2026-11-22 00:00:00 +0000",
}


@pytest.mark.parametrize(
    ("registry", "member"), [("cron_jobs", "cron_job:nightly"), ("cron_jobs:default", "cron_job:default:nightly")]
)
@pytest.mark.parametrize("prefix", ["", "mastodon:"])
def test_cron(registry, member, prefix):
    (found,) = schedule({prefix + registry: {member.encode()}, prefix + member: CRON}, prefix)
    assert (found.name, found.source, found.worker_class) == ("Nightly", "sidekiq-cron", "NightlyJob")
    assert (found.queue, found.enabled, found.next_at, found.overdue_by) == ("default", True, None, 0.0)
    assert found.last_at == NOW - 7 * 3600 - 5 * 60 - 56


def test_cron_that_is_disabled_or_has_lost_its_hash():
    disabled = {**CRON, b"status": b"disabled"}
    found = schedule({"cron_jobs": {b"cron_job:lost", b"cron_job:off"}, "cron_job:off": disabled})
    assert [(job.name, job.enabled, job.worker_class) for job in found] == [
        ("lost", True, None),
        ("Nightly", False, "NightlyJob"),
    ]


def test_both_at_once_and_a_member_in_both_registries():
    found = schedule({"schedules": {b"a": CONFIG}, "cron_jobs": {b"b"}, "cron_jobs:default": {b"b"}, "b": CRON})
    assert [job.source for job in found] == ["sidekiq-scheduler", "sidekiq-cron"]
