# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say which jobs are meant: empty is not all, and what cannot be meant is refused."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.options.selector import (
    criteria_from_options,
    selector_argument_spec,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption


def test_every_option_is_handed_on():
    lists = [name for name, option in selector_argument_spec().items() if option["type"] == "list"]
    values = {"sets": ["retry"], "queues": ["pull"], "domains": ["a.example"], "jids": ["0" * 24], "args": [1]}
    given = {name: values.get(name, ["Something"]) for name in lists}
    given.update(
        older_than="2h", newer_than="1d", min_attempts=3, malformed=True, where="x", error_message="y", all=True
    )
    assert set(given) == set(selector_argument_spec())
    found = criteria_from_options(given)
    for name in (*lists, "min_attempts", "malformed", "where", "error_message", "all"):
        value = given[name]
        assert getattr(found, name) == (tuple(value) if isinstance(value, list) else value), name
    assert (found.older_than, found.newer_than, found.nothing) == (7200.0, 86_400.0, False)


def test_an_empty_list_selects_nothing():
    assert criteria_from_options({"classes": []}).nothing
    assert not criteria_from_options({}).nothing


@pytest.mark.parametrize(
    "options", [{"error_message": ""}, {"older_than": "soon"}, {"newer_than": "-1h"}, {"classes": [""]}]
)
def test_what_cannot_be_meant_is_refused_by_the_name_of_the_option(options):
    with pytest.raises(BadOption, match=next(iter(options))):
        criteria_from_options(options)
