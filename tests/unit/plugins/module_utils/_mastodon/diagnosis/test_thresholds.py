# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where normal ends, by queue and by class."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.thresholds import Thresholds
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


@pytest.mark.parametrize(
    ("queue", "seconds"), [("default", 5), ("push", 10), ("pull", 300), ("ingress", 300), ("", 300)]
)
def test_latency_is_mastodons(queue, seconds):
    assert Thresholds().latency(queue) == seconds


def test_latency_as_given():
    limits = Thresholds(queue_latency={"push": 60}, queue_latency_other=7)
    assert (limits.latency("push"), limits.latency("default")) == (60, 7)


def test_latency_written_as_text():
    written: t.Any = "60"
    assert Thresholds(queue_latency={"push": written}).latency("push") == 60.0


@pytest.mark.parametrize("written", ["soon", "", None, [5], {"push": 5}])
def test_latency_that_is_no_number(written):
    with pytest.raises(BadOption, match="queue_latency: push is .* number of seconds"):
        Thresholds(queue_latency={"push": written}).latency("push")


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("FeedInsertWorker", (60, 600)),
        ("BackupWorker", (3600, 21600)),
        ("Scheduler::VacuumScheduler", (3600, 21600)),
        ("Admin::DomainPurgeWorker", (3600, 21600)),
        ("MoveWorker", (3600, 21600)),
        ("RemoveWorker", (60, 600)),
        ("backupworker", (60, 600)),
        ("BackupWorker::Other", (60, 600)),
        ("", (60, 600)),
        (None, (60, 600)),
    ],
)
def test_running(name, seconds):
    assert Thresholds().running(name) == seconds


def test_running_as_given():
    limits = Thresholds(long_running_classes=["Feed*"], long_running_warning=1, long_running_critical=2)
    assert limits.running("FeedInsertWorker") == (1, 2)
    assert limits.running("BackupWorker") == (60, 600)
