# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""config/sidekiq.yml, read without running it."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.read import (
    Capsule,
    SidekiqYml,
    read_sidekiq_yml,
)

UPSTREAM = """\
---
:concurrency: <%= ENV.fetch('SIDEKIQ_CONCURRENCY', 5) %>
:queues:
  - [default, 8]
  - [push, 6]
  # a comment
  - [pull]
  - scheduler

:scheduler:
  :listened_queues_only: true
  :schedule:
    a:
      - [no queue]
"""


@pytest.mark.parametrize(
    ("text", "variables", "wanted"),
    [
        (UPSTREAM, {}, SidekiqYml(5, None, ("default", "push", "pull", "scheduler"))),
        (UPSTREAM, {"SIDEKIQ_CONCURRENCY": "12"}, SidekiqYml(12, None, ("default", "push", "pull", "scheduler"))),
        (UPSTREAM.replace("\n", "\r\n"), {}, SidekiqYml(5, None, ("default", "push", "pull", "scheduler"))),
        (":concurrency: 30 # many\n:timeout: 60", {}, SidekiqYml(30, 60)),
        ("concurrency: 7\nqueues:\n- 'a'\n- \"b\"\n", {}, SidekiqYml(7, None, ("a", "b"))),
        (":concurrency: <%= 5 + 5 %>\n", {}, SidekiqYml()),
        (":concurrency: 5\nproduction:\n  :concurrency: 9\n", {}, SidekiqYml(9)),
        ("", {}, SidekiqYml()),
    ],
)
def test_read(text, variables, wanted):
    assert read_sidekiq_yml(text, variables) == wanted


CAPSULES = """\
:queues: [default]
:capsules:
  single:
    concurrency: 1
    queues: [scheduler]
  many:
    :concurrency: 4
"""


@pytest.mark.parametrize(
    ("text", "capsules", "unclear"),
    [
        (CAPSULES, (Capsule("single", 1, ("scheduler",)), Capsule("many", 4, ("default",))), []),
        (CAPSULES + "production:\n  :capsules:\n    x:\n      :concurrency: 2\n", (Capsule("x", 2, ("default",)),), []),
        (":capsules:\n  a:\n    :queues: [x]\n", (), ["capsules"]),
        (":capsules: {a: {concurrency: 1}}\n", (), ["capsules"]),
        (":capsules: *others\n", (), ["capsules"]),
    ],
)
def test_capsules(text, capsules, unclear):
    found = read_sidekiq_yml(text, {})
    assert found.capsules == capsules and list(found.unclear) == unclear


def test_weights_and_what_cannot_be_told():
    assert read_sidekiq_yml(UPSTREAM, {}).weights == {"default": 8, "push": 6}
    assert list(read_sidekiq_yml(":concurrency: <%= 5 + 5 %>\n", {}).unclear) == ["concurrency"]
    assert not read_sidekiq_yml(":concurrency: <%= 5 + 5 %>\nproduction:\n  :concurrency: 9\n", {}).unclear
