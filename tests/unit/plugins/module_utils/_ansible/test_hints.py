# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user can do about a failure, in the names of the modules' options."""

from __future__ import annotations

import pathlib
import re
import typing

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.hints import with_hint
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules.sidekiq_job import (
    ARCHIVE_OPTIONS,
    JOB_OPTIONS,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.options.connection import (
    connection_argument_spec,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq import errors
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import Hint, NoConnection, SidekiqError

OPTIONS = {*connection_argument_spec(), *JOB_OPTIONS, *ARCHIVE_OPTIONS}
SIDEKIQ = pathlib.Path(errors.__file__).parent


@pytest.mark.parametrize("hint", typing.get_args(Hint))
def test_each_hint_is_a_sentence_and_names_options_that_there_are(hint):
    text = with_hint(SidekiqError("It failed.", hint))
    assert text == "It failed." if not hint else text.startswith("It failed. ") and text.endswith(".")
    for option in re.findall(r"\b(?:redis_\w+|archive_dir|path(?=,)|force(?=:))", text):
        assert option in OPTIONS or option == "redis_"


@pytest.mark.parametrize(
    ("hint", "origin", "says"),
    [
        ("set_login", "redis_url", "Set the login in redis_url (or redis_username and redis_password)."),
        ("set_login", "redis_host", "Set redis_username and redis_password."),
        ("set_login", "", "Set redis_username and redis_password."),
        (
            "set_login",
            "REDIS_URL in /x",
            "Set the user and the password that belong to REDIS_URL in /x, or set redis_url instead.",
        ),
        ("address", "REDIS_{HOST} in /x", "Start Redis, or correct the address in REDIS_{HOST} in /x."),
        ("address", "", "Start Redis, or correct the address in the redis_ options."),
    ],
)
def test_a_hint_says_where_the_setting_comes_from(hint, origin, says):
    assert with_hint(NoConnection("Why.", hint, origin)) == f"Why. {says}"


def test_no_sentence_of_sidekiq_names_an_option():
    """Options belong to the modules; these words are names of nothing else."""
    words = re.compile(
        r"\b(?:redis_(?!time\b|version\b|mode\b|manager\b|client\b)\w+|archive_dir\b|max_jobs|wait_timeout|sidekiq_(?:job|archive|process)\b)"
    )
    named = [
        f"{path.relative_to(SIDEKIQ)}:{number}: {line.strip()}"
        for path in sorted(SIDEKIQ.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if words.search(line)
    ]
    assert not named
