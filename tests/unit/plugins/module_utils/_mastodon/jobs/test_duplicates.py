# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two jobs are the same when class and arguments are, whatever wraps them and whenever they were made."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs.duplicates import (
    Fingerprints,
    fingerprint,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse


def job(worker="A", args=(1, {"a": [2, "b"]}), **fields):
    return parse(json.dumps({"class": worker, "args": list(args), **fields}).encode())


def test_only_class_and_arguments_count():
    assert fingerprint(job(jid="1", queue="push")) == fingerprint(job(jid="2", queue="pull", created_at=5))


@pytest.mark.parametrize(
    "other",
    [
        job("B"),
        job(args=[]),
        job(args=[1, {"a": [2, "c"]}]),
        job(args=[{"a": [2, "b"]}, 1]),
        job(args=["1", {"a": [2, "b"]}]),
    ],
)
def test_another_class_or_other_arguments(other):
    assert fingerprint(other) != fingerprint(job())


def test_one_and_true_are_not_the_same():
    assert fingerprint(job(args=[1])) != fingerprint(job(args=[True]))


def test_what_is_no_job_equals_nothing():
    assert fingerprint(parse(b"no JSON")) is None


def test_numbers_that_occur_more_than_once():
    first, second = Fingerprints(), Fingerprints()
    for number in (5, 2**64 - 1, 7, 5, None, None):
        first.add(number)
    for number in (5, 2**64 - 1, 5 + 2**23):  # the last shares only a part with 5
        second.add(number)
    first.merge(second)
    assert list(first.repeated()) == [(5, 3), (2**64 - 1, 2)]
