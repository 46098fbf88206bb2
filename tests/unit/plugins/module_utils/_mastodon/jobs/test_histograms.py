# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs are counted by set, queue, class, domain, error and age."""

from __future__ import annotations

import json

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs.histograms import NO_CLASS, Tally
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.traversal.location import Place

NOW = 1795331156.0
PUSH = Place("queues", b"push")


def job(**fields):
    return parse(json.dumps({"class": "A", "args": [], "queue": "push", "enqueued_at": NOW - 30, **fields}).encode())


def delivery(domain):
    return job(**{"class": "ActivityPub::DeliveryWorker", "args": ["{}", 1, f"https://{domain}/inbox"]})


def test_each_job_counts_once_in_each_histogram():
    tally = Tally(NOW)
    for _number in range(2):
        tally.add(delivery("a.example"), PUSH, None)
    tally.add(job(error_class="Boom", failed_at=NOW - 7200), Place("retry"), NOW + 5)
    assert tally.total == 3
    assert tally.histograms() == {
        "by_set": {"queues": 2, "retry": 1},
        "by_queue": {"push": 3},
        "by_class": {"ActivityPub::DeliveryWorker": 2, "A": 1},
        "by_domain": {"a.example": 2},
        "by_error": {"Boom": 1},
        "by_age": {"1m": 2, "6h": 1},
    }


def test_what_was_counted_can_be_taken_back():
    tally = Tally(NOW)
    tally.add(delivery("a.example"), PUSH, None)
    tally.add(delivery("b.example"), PUSH, None)
    tally.add(delivery("a.example"), PUSH, None, -1)
    assert tally.total == 1
    assert tally.histograms()["by_domain"] == {"b.example": 1}


def test_two_tallies_are_the_same_as_one():
    apart, together = [Tally(NOW), Tally(NOW)], Tally(NOW)
    for number, domain in enumerate(["a.example", "b.example", "a.example"]):
        apart[number % 2].add(delivery(domain), PUSH, None)
        together.add(delivery(domain), PUSH, None)
    apart[0].merge(apart[1])
    assert (apart[0].total, apart[0].histograms()) == (together.total, together.histograms())


def test_the_most_frequent_thousand_domains_and_every_class():
    tally = Tally(NOW)
    for number in range(1100):
        tally.add(delivery(f"s{number:04d}.example"), PUSH, None)
        tally.add(job(**{"class": f"C{number:04d}"}), PUSH, None)
    tally.add(delivery("s1099.example"), PUSH, None)
    found = tally.histograms()
    assert len(found["by_domain"]) == 1000 and next(iter(found["by_domain"])) == "s1099.example"
    assert len(found["by_class"]) == 1101


def test_what_is_no_job_has_a_name_of_its_own():
    tally = Tally(NOW)
    tally.add(parse(b"no JSON"), PUSH, None)
    assert tally.histograms()["by_class"] == {NO_CLASS: 1}
    assert tally.histograms()["by_age"] == {"unknown": 1}
