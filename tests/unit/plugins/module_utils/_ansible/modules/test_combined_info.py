# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several reading modules as one task: each gets its own options, and a failure names the module."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules.combined_info import OPTIONS, read_all
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.options.connection import (
    connection_argument_spec,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Here
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import SidekiqError

NOWHERE = "There is no .env.production."


def here(*reads):
    """A host without any Mastodon, on which commands print their own arguments."""
    options = dict.fromkeys(connection_argument_spec())
    options.update(mastodon_root="/nonexistent", systemd_unit="mastodon-sidekiq.service")
    filled = [{"options": {}, "only_if_exists": None, "pause": 0.0, **read} for read in reads]
    return Here({**options, "reads": filled}, lambda command: (0, " ".join(command), ""), None, NOWHERE)


def journal(name="journal", **options):
    return {"name": name, "module": "journal_info", "options": options}


def test_each_read_answers_below_its_name():
    found = read_all(here(journal("one", kills=False), journal("two", kills=False, mentions=[])))
    assert not found["changed"]
    assert set(found["answers"]) == {"one", "two"}
    assert found["answers"]["one"]["kills"] == []


def test_options_are_judged_as_those_of_a_task():
    with pytest.raises(SidekiqError, match=r"^journal_info: .*kill"):
        read_all(here(journal(kill=True)))
    with pytest.raises(SidekiqError, match=r"^journal_info: .*lines"):
        read_all(here(journal(lines="many")))


def test_a_text_is_taken_for_the_type_that_the_option_has():
    read_all(here(journal(kills="false", lines="3")))


def test_a_secret_is_refused_and_not_repeated():
    read = {"name": "exports", "module": "export_info", "options": {"database_url": "postgresql://u:s3cret@h/d"}}
    with pytest.raises(SidekiqError, match="export_info: database_url is a secret") as failure:
        read_all(here(read))
    assert "s3cret" not in str(failure.value)


def test_what_needs_redis_says_why_it_is_not_known():
    with pytest.raises(SidekiqError, match=f"sidekiq_info: {NOWHERE}"):
        read_all(here({"name": "sidekiq", "module": "sidekiq_info"}))


def test_a_read_is_skipped_without_its_path():
    read = {"name": "room", "module": "export_storage_info", "only_if_exists": "/nonexistent"}
    assert read_all(here(read))["answers"]["room"] == {"changed": False, "skipped": True}


def test_two_reads_cannot_have_one_name():
    with pytest.raises(SidekiqError, match="two of them have the name 'journal'"):
        read_all(here(journal(kills=False), journal(kills=False)))


def test_every_module_can_be_loaded():
    from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules.combined_info import READERS

    assert OPTIONS["reads"]["options"]["module"]["choices"] == list(READERS)
    assert all(reader().spec for reader in READERS.values())
