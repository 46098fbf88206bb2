# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights in Redis that docs/connection.md names for a task are enough for it, and it needs them."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.fediverse.mastodon.tests.conformance import test_returned_keys as returned_keys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "connection.md"
NONE_OF_REDIS = {
    "domain_block",
    "export_build_files",
    "export_storage_info",
    "journal_info",
    "remote_server_info",
    "run_record",
    "run_record_info",
    "sidekiq_config",
    "sidekiq_host_process",
}
USER, PASSWORD = "helper", "open sesame"

database_url, modules = returned_keys.database_url, returned_keys.modules


def rows():
    """The rights by module, in the groups that the page has them in."""
    section = PAGE.read_text(encoding="utf-8").partition("## What the user of Redis needs\n")[2].partition("\n## ")[0]
    found = {}
    for names, rights in re.findall(r"^\| (`.+?) \| (`.+?) \|$", section, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            found[name] = [group.replace("\\|", "|").split() for group in re.findall(r"`([^`]+)`", rights)]
    return found


RIGHTS = rows()
LOOKING = RIGHTS["sidekiq_info"]
PROBING = [name for name, groups in RIGHTS.items() if groups == [*LOOKING, ["+lpushx"]]]
"""They test whether Redis takes writes, and work without the right to."""
CHANGING = [name for name, groups in RIGHTS.items() if groups != LOOKING and name not in PROBING]


@pytest.fixture
def as_user(modules, scratch_redis):
    """Lets modules run as a user with these rights from now on."""

    def allow(groups):
        rights = [right for group in groups for right in group]
        scratch_redis.acl_setuser(
            USER, reset=True, enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], commands=rights
        )
        modules._connection.update(redis_username=USER, redis_password=PASSWORD)
        return modules

    yield allow
    scratch_redis.acl_deluser(USER)


def test_the_page_names_every_module_that_needs_redis():
    assert set(RIGHTS) == set(returned_keys.MODULES) - NONE_OF_REDIS


@pytest.mark.parametrize("name", RIGHTS)
def test_with_these_rights_a_task_does_its_work(name, as_user):
    assert returned_keys.results_of(name, as_user(RIGHTS[name]))


@pytest.mark.parametrize("name", sorted({*CHANGING, *PROBING} - {"sidekiq_redis"}))
def test_those_to_look_are_enough_for_check_mode(name, modules, as_user):
    if name == "sidekiq_archive":
        modules.run("sidekiq_job", returned_keys.RUNS["sidekiq_job"][4])
    as_user(LOOKING)
    for options in returned_keys.RUNS[name]:
        modules.run(name, options, check_mode=True)


@pytest.mark.parametrize("name", CHANGING)
def test_without_the_last_of_them_it_is_refused(name, modules, as_user, scratch_redis):
    if name == "sidekiq_archive":
        modules.run("sidekiq_job", returned_keys.RUNS["sidekiq_job"][4])
    if name == "sidekiq_lock":  # nothing runs, so that orphans are certain
        scratch_redis.delete(*scratch_redis.smembers("processes"))
    as_user(RIGHTS[name][:-1])
    with pytest.raises(AssertionError, match="has no permissions to run the"):
        for options in returned_keys.RUNS[name]:
            modules.run(name, options)
