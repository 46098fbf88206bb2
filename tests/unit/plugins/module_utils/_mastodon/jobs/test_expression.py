# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath over a job: what counts as true, which fields are read, and mistakes that show before the first job."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs.expression import Expression
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

KNOWN = ("args", "class", "queue", "attempts", "tags")
JOB = {"args": [1, {"a": "b"}], "class": "A", "queue": "push", "attempts": 3, "tags": []}


def expression(text):
    return Expression(text, "where", KNOWN)


@pytest.mark.parametrize(
    "text", ["class == 'A'", "attempts > `2`", "args[1].a", "args[?@ == `1`]", "length(args) == `2`", "!tags", "`0`"]
)
def test_true(text):
    assert expression(text).holds(JOB)


@pytest.mark.parametrize(
    "text", ["class == 'B'", "tags", "args[7]", "args[1].c", "''", "null", "starts_with(attempts, 'x')", "sum(args)"]
)
def test_false_or_nothing_or_of_a_wrong_type(text):
    assert not expression(text).holds(JOB)


def test_the_answer_is_that_of_each_job():
    found = expression("attempts > `2`")
    assert [found.holds({"attempts": number}) for number in (3, 1, 3, 2, 30)] == [True, False, True, False, True]


def test_one_and_true_are_different_arguments():
    found = expression("args[0] == `true`")
    assert [found.holds({"args": [value]}) for value in (1, True, 1)] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("class == 'A' && queue == 'push'", {"class", "queue"}),
        ("args[0].attempts", {"args"}),
        ("args[?class == 'x'] | [0]", {"args"}),
        ("sort_by(args, &queue)", {"args"}),
        ("@", set(KNOWN)),
    ],
)
def test_fields_that_it_reads(text, names):
    assert set(expression(text).names) == names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bad[", "where is no JMESPath expression"),
        ("", "where is no JMESPath expression"),
        ("klass == 'A'", "a job has no field klass; it has args, class, queue, attempts, tags"),
        ("class == true", "write `true` in backquotes"),
        ("nonsense(class)", "where is no JMESPath expression: Unknown function: nonsense"),
        ("length(class, queue)", "where is no JMESPath expression"),
    ],
)
def test_mistakes(text, says):
    with pytest.raises(BadOption) as caught:
        expression(text)
    assert says in str(caught.value)
