# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Sidekiq runs with: who has the last word on threads, queues and connections."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.effective import (
    Said,
    effective,
    with_capsules,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.read import Capsule, SidekiqYml

SIDEKIQ = "/usr/bin/sidekiq"
YML = SidekiqYml(7, 9, ("default", "push"), (), {"default": 8, "push": 6})


def found(options="", environment=None, **more):
    more = {"config": YML, "release": (4, 5, 0), **more}
    return effective(Said(f"{SIDEKIQ} {options}", environment or {}, **more))


def test_the_file_counts_where_the_command_line_says_nothing():
    seen = found()
    assert (seen.threads, seen.timeout, seen.pool) == (7, 9, 7)
    assert seen.queues == (("default", 8), ("push", 6)) and seen.strict is False and not seen.unknown


def test_the_command_line_wins():
    seen = found("-c 3 -t 4 -q pull")
    assert (seen.threads, seen.timeout, seen.queues, seen.strict) == (3, 4, (("pull", None),), True)


@pytest.mark.parametrize(
    ("environment", "files", "release", "pool"),
    [
        ({"DB_POOL": "40"}, {"DB_POOL": "5"}, (4, 5, 0), 40),
        ({}, {"DB_POOL": "6"}, (4, 5, 0), 6),
        ({}, {"MAX_THREADS": "6"}, (4, 5, 0), 3),
        ({}, {"MAX_THREADS": "6"}, (4, 2, 0), 6),
        ({}, {}, (4, 2, 0), 5),
        ({}, {}, None, 3),
    ],
)
def test_connections(environment, files, release, pool):
    assert found("-c 3", environment, files=files, release=release).pool == pool


def test_what_env_sets_on_the_command_line_wins_over_the_unit():
    said = Said(f"/usr/bin/env DB_POOL=40 {SIDEKIQ} -c 40", {"DB_POOL": "25"})
    assert effective(said).pool == 40


def test_capsules_are_threads_and_queues_of_the_same_process():
    capsules = (Capsule("single", 1, ("scheduler",)),)
    seen = found(config=SidekiqYml(7, None, ("default",), capsules))
    assert (seen.threads, seen.all_threads, seen.pool) == (7, 8, 7)
    assert seen.all_queues == with_capsules((("default", None),), capsules)
    assert {name for name, _weight in seen.all_queues} == {"default", "scheduler"}
    assert found(config=SidekiqYml(7, None, ("default",), capsules), release=(4, 3, 0)).all_threads == 7


@pytest.mark.parametrize(
    ("release", "environment", "threads"),
    [((4, 5, 0), {}, 5), ((4, 3, 0), {}, 10), ((4, 5, 0), {"RAILS_MAX_THREADS": "12"}, 12)],
)
def test_nothing_is_said(release, environment, threads):
    seen = found("", environment, config=SidekiqYml(), release=release)
    assert (seen.threads, seen.timeout, seen.queues) == (threads, 25, (("default", None),))


def test_a_shell_hides_everything():
    seen = effective(Said("/bin/bash -lc 'bundle exec sidekiq'"))
    assert (seen.threads, seen.queues, seen.timeout, seen.pool, seen.all_threads) == (None,) * 5
    assert seen.unknown.keys() == {"threads", "queues", "timeout", "pool", "capsules"}
    assert all("shell" in why for why in seen.unknown.values())


def test_a_file_that_nobody_can_read_hides_what_only_it_says():
    seen = found("-c 3 -q pull", {"DB_POOL": "3"}, config=None, why_no_config="config/all.yml cannot be read.")
    assert (seen.threads, seen.queues, seen.pool, seen.timeout) == (3, (("pull", None),), 3, None)
    assert seen.unknown == dict.fromkeys(("timeout", "capsules"), "config/all.yml cannot be read.")


def test_a_value_of_erb_hides_itself_alone():
    seen = found(config=SidekiqYml(None, 9, ("default",), unclear={"concurrency": "line 1: ERB"}), files={})
    assert (seen.threads, seen.pool, seen.timeout) == (None, None, 9)
    assert seen.unknown == {"threads": "line 1: ERB", "pool": "line 1: ERB"}


def test_files_of_mastodon_that_nobody_may_read_hide_the_pool():
    assert found("-c 3", files=None, why_no_files="no").unknown == {"pool": "no"}
