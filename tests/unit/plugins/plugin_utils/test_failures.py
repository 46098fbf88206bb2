# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each filter says in one sentence that it cannot use what it was given."""

from __future__ import annotations

import importlib
import pathlib

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

FILTERS = sorted(path.stem for path in (pathlib.Path(__file__).parents[4] / "plugins" / "filter").glob("*.py"))
TAKES_ANYTHING = ["_duration", "_printable"]  # a number is what the first one wants


def called(name):
    module = importlib.import_module(f"ansible_collections.fediverse.mastodon.plugins.filter.{name}")
    return module.FilterModule().filters()[name]


@pytest.mark.parametrize("name", [name for name in FILTERS if name not in TAKES_ANYTHING])
def test_a_filter_names_itself_where_it_was_given_something_else(name):
    with pytest.raises(AnsibleFilterError, match=f"^{name}"):
        called(name)(0.5)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (BadOption("older_than: '5x' is no time."), "older_than: '5x' is no time."),
        (ValueError("'x' is no number"), "judge: 'x' is no number"),
        (OverflowError("int too large"), "judge: int too large"),
        (KeyError("look"), "judge: what it was given is not of the shape that is documented (KeyError('look'))."),
    ],
    ids=["of the user", "a value", "a size", "a shape"],
)
def test_what_is_said(failure, said):
    @in_a_sentence
    def judge():
        raise failure

    with pytest.raises(AnsibleFilterError) as told:
        judge()
    assert told.value.message == said


@pytest.mark.parametrize(("released", "most"), [(float("inf"), 0.1), (1, 10**400)], ids=["infinity", "large"])
def test_a_number_beyond_all_sizes(released, most):
    with pytest.raises(AnsibleFilterError, match=r"^_federation_verdict: .* convert"):
        called("_federation_verdict")(released, None, True, most)


def test_a_defect_of_ours_is_not_hidden():
    @in_a_sentence
    def judge():
        raise AssertionError

    with pytest.raises(AssertionError):
        judge()


def test_what_it_returns():
    @in_a_sentence
    def judge(text):
        """Of judges."""
        return [text]

    assert (judge("a"), judge.__doc__) == (["a"], "Of judges.")
