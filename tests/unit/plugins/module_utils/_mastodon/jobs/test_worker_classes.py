# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which remote server a job deals with, class by class."""

from __future__ import annotations

import fnmatch
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs import worker_classes
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs.worker_classes import remote_domain
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse

URL = "https://Gone.Example:8443/users/a/inbox?page=1"


def job(name, *args):
    return parse(json.dumps({"class": name, "args": args}).encode())


def activity(**fields):
    return json.dumps({"@context": "https://www.w3.org/ns/activitystreams", **fields})


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("ActivityPub::DeliveryWorker", ("{}", 1, URL, {})),
        ("ActivityPub::LowPriorityDeliveryWorker", ("{}", 1, URL)),
        ("ActivityPub::MigratedFollowDeliveryWorker", ("{}", 1, URL, 2, 3)),
        ("ActivityPub::ProcessingWorker", (1, activity(actor=URL), 2)),
        ("ActivityPub::FetchRepliesWorker", (1, URL)),
        ("ActivityPub::FollowersSynchronizationWorker", (1, URL)),
        ("ActivityPub::PostUpgradeWorker", (" Gone.Example ",)),
        ("ThreadResolveWorker", (1, URL, {})),
        ("FetchReplyWorker", (URL, {})),
        ("LinkCrawlWorker", (1, URL)),
        ("ResolveAccountWorker", ("someone@Gone.Example",)),
        ("Admin::DomainPurgeWorker", ("gone.example:3000",)),
        ("AfterAccountDomainBlockWorker", (1, "gone.example")),
    ],
)
def test_domain(name, args):
    assert remote_domain(job(name, *args)) == "gone.example"


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        (activity(actor=URL, id="https://other.example/1"), "gone.example"),
        (activity(actor={"id": URL}), "gone.example"),
        (activity(id=URL), "gone.example"),
        (activity(actor=7, id=URL), "gone.example"),
        (activity(actor={"id": None}, id=URL), "gone.example"),
        (activity(), None),
        ("[]", None),
        ("", None),
        ("{", None),
        ("[" * 100_000, None),
        ("9" * 5000, None),
        (7, None),
        (None, None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_domain_of_an_activity(text, domain):
    assert remote_domain(job("ActivityPub::ProcessingWorker", 1, text)) == domain


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("FeedInsertWorker", (URL,)),
        ("BackupWorker", (1,)),
        ("", (URL,)),
        (None, (URL,)),
        (["ActivityPub::DeliveryWorker"], (URL,)),
        ("ActivityPub::DeliveryWorker", ("{}", 1)),
        ("ActivityPub::DeliveryWorker", ("{}", 1, None)),
        ("ActivityPub::DeliveryWorker", ("{}", 1, [URL])),
        ("ActivityPub::DeliveryWorker", ("{}", 1, "")),
        ("ActivityPub::DeliveryWorker", ("{}", 1, "/inbox")),
        ("ActivityPub::DeliveryWorker", ("{}", 1, "https://[gone.example/inbox")),
        ("ActivityPub::DeliveryWorker", ("{}", 1, "https://\N{FULLWIDTH SOLIDUS}.example/")),
        ("Admin::DomainPurgeWorker", ("",)),
        ("Admin::DomainPurgeWorker", ("see you at eight",)),
        ("ResolveAccountWorker", ("you@see you at eight",)),
        ("Admin::DomainPurgeWorker", (7,)),
        ("ResolveAccountWorker", ("someone",)),
        ("ResolveAccountWorker", ("someone@",)),
        ("ResolveAccountWorker", (7,)),
    ],
)
def test_no_domain(name, args):
    assert remote_domain(job(name, *args)) is None


def test_a_job_without_arguments_has_no_domain():
    assert (
        remote_domain(parse(b'{"class": "ActivityPub::DeliveryWorker", "args": {"2": "https://gone.example/"}}'))
        is None
    )


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://user:password@gone.example/inbox", "gone.example"),
        ("https://[2001:DB8::1]:8443/inbox", "2001:db8::1"),
        ("https://192.0.2.7/inbox", "192.0.2.7"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        (
            "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/",
            "xn--bcher-kva.example",
        ),
        ("https://b\udcffd.example/", None),
        ("https://see you at eight/", None),
    ],
)
def test_domain_of_a_url(url, domain):
    assert remote_domain(job("LinkCrawlWorker", 1, url)) == domain


@given(
    st.sampled_from(sorted(worker_classes._DOMAIN)),
    st.lists(
        st.text(st.characters(exclude_categories=()))
        | st.text().map(lambda text: f"https://{text}")
        | st.none()
        | st.integers()
        | st.dictionaries(st.text(), st.text()),
        max_size=4,
    ),
)
def test_no_argument_is_too_strange(name, args):
    found = remote_domain(job(name, *args))
    assert found is None or (found and found.encode("utf-8"))


def test_archives_and_clean_ups_may_run_for_long():
    for name in (worker_classes.BACKUP_WORKER, "Scheduler::VacuumScheduler", "AccountDeletionWorker"):
        assert any(fnmatch.fnmatchcase(name, pattern) for pattern in worker_classes.LONG_RUNNING)
