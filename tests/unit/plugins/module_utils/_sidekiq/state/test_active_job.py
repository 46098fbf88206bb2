# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The class and the arguments that people know, for plain jobs and for jobs in wrappers of every age."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.active_job import (
    ENCRYPTED,
    WRAPPERS,
    display_args,
    display_class,
)

OLD, NEW = "ActiveJob::QueueAdapters::SidekiqAdapter::JobWrapper", "Sidekiq::ActiveJob::Wrapper"
USER = {"_aj_globalid": "gid://mastodon/User/1"}


def wrapped(name, arguments, wrapper=NEW):
    return {"class": wrapper, "wrapped": name, "args": [{"job_class": name, "arguments": arguments}]}


def mail(*arguments, wrapper=NEW):
    return wrapped("ActionMailer::MailDeliveryJob", ["UserMailer", "welcome", "deliver_now", *arguments], wrapper)


@pytest.mark.parametrize("wrapper", sorted(WRAPPERS))
def test_both_wrappers_are_known(wrapper):
    assert display_class(wrapped("CleanJob", [1], wrapper)) == "CleanJob"
    assert display_args(wrapped("CleanJob", [1], wrapper)) == [1]
    assert {OLD, NEW} == WRAPPERS


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        ({"class": "BackupWorker"}, "BackupWorker"),
        ({"class": "BackupWorker", "display_class": "Shown"}, "Shown"),
        ({"class": "BackupWorker", "display_class": ""}, "BackupWorker"),
        ({"class": "BackupWorker", "wrapped": "Inner"}, "BackupWorker"),  # only wrappers wrap
        (mail(), "UserMailer#welcome"),
        (wrapped("ActionMailer::DeliveryJob", ["UserMailer", "welcome"]), "UserMailer#welcome"),
        (wrapped("ActionMailer::DeliveryJob", []), "ActionMailer::DeliveryJob"),
        ({"class": NEW, "args": ["Inner"]}, "Inner"),  # 6.x wrote no "wrapped"
        ({"class": NEW, "args": []}, NEW),
        ({"class": NEW, "args": "Inner"}, NEW),
        ({"class": NEW, "wrapped": 7, "args": [1]}, NEW),
        ({"class": NEW, "wrapped": "ActionMailer::MailDeliveryJob", "args": [7]}, "ActionMailer::MailDeliveryJob"),
        ({"class": 7}, 7),
        ({}, None),
    ],
)
def test_display_class(payload, name):
    assert display_class(payload) == name


@pytest.mark.parametrize(
    ("payload", "arguments"),
    [
        ({"class": "BackupWorker", "args": [1, "a"]}, [1, "a"]),
        ({"class": "BackupWorker", "args": []}, []),
        ({"class": "BackupWorker"}, None),
        ({"class": "BackupWorker", "args": "text"}, "text"),
        ({"class": "BackupWorker", "args": [1, "cipher"], "encrypt": True}, [1, ENCRYPTED]),
        ({"class": "BackupWorker", "args": [], "encrypt": True}, []),
        (
            wrapped("CleanJob", [USER, {"a": USER, "_aj_symbol_keys": ["a"]}]),
            [USER["_aj_globalid"], {"a": USER["_aj_globalid"]}],
        ),
        ({"class": NEW, "args": ["Inner", 1]}, []),
        (mail({"params": {"user": USER}, "args": [7]}), [{"user": USER["_aj_globalid"]}, [7]]),
        (mail({"args": [7]}), [None, [7]]),
        (mail(), [None, None]),
        (mail("no object"), [None, None]),
        (
            wrapped("ActionMailer::DeliveryJob", ["UserMailer", "welcome", "deliver_now", 7, USER]),
            [7, USER["_aj_globalid"]],
        ),
    ],
)
def test_display_args(payload, arguments):
    assert display_args(payload) == arguments


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["arguments", "params", "args", "_aj_globalid", "x"]), inner)
    ),
    max_leaves=8,
)
PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "class": st.sampled_from([OLD, NEW, "Other"]) | ANY,
        "wrapped": st.sampled_from(["ActionMailer::DeliveryJob", "ActionMailer::MailDeliveryJob", "Inner"]) | ANY,
        "args": ANY,
        "display_class": ANY,
        "encrypt": ANY,
    },
)


@given(PAYLOADS)
def test_no_payload_is_too_strange(payload):
    display_class(payload)
    display_args(payload)
