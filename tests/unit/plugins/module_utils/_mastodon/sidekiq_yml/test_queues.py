# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Items of the list of queues, and how they are written."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.lines import Unclear, split
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.queues import (
    Queue,
    as_item,
    read_queues,
    rewritten,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.structure import (
    read_document,
    read_level,
)


def items(text):
    lines = split(text)
    document = read_document(lines)
    found = read_queues(document, read_level(document, 0, len(lines)).entries[0])
    return found.items, lines


@pytest.mark.parametrize(
    ("item", "queue", "with_weight", "without"),
    [
        ("default", ("default", None), "[default, 12]", "default"),
        ("'default' # x", ("default", None), "['default', 12] # x", "'default' # x"),
        ("[default, 8]  # [default, 9]", ("default", 8), "[default, 12]  # [default, 9]", "[default]  # [default, 9]"),
        ("[ 'push' ,  6 ]", ("push", 6), "[ 'push' ,  12 ]", "['push']"),
        ("[pull]", ("pull", None), "[pull, 12]", "[pull]"),
        ("[pull,]", ("pull", None), "[pull, 12]", "[pull]"),
        ("[default, 0]", ("default", None), "[default, 12]", "[default]"),
        ("[default, <%= ENV['W'] || 8 %>]", ("default", 8), "[default, <%= ENV['W'] || 12 %>]", None),
        (":default", ("default", None), "[default, 12]", "default"),
        ("a:b", ("a:b", None), "[a:b, 12]", "a:b"),
    ],
)
def test_items(item, queue, with_weight, without):
    (found,), lines = items(f":queues:\n  - {item}\n")
    assert (found.queue, found.sound) == (Queue(*queue), True)
    assert rewritten(lines[1], found, 12) == f"  - {with_weight}"
    if without is None:
        with pytest.raises(Unclear, match="made by ERB and cannot be taken away"):
            rewritten(lines[1], found, None)
    else:
        assert rewritten(lines[1], found, None) == f"  - {without}"


@pytest.mark.parametrize(
    ("item", "queue", "written"),
    [
        ("push,6", ("push", 6), "[push, 6]"),
        ("'push, 6'", None, None),
        ("'push,6'", ("push", 6), "[push, 6]"),
        ("yes", ("yes", None), '"yes"'),
        ("[1, 6]", ("1", 6), '["1", 6]'),
        ("[push, '6']", ("push", None), "[push, 6]"),
    ],
)
def test_items_that_a_sidekiq_reads_otherwise_are_not_sound(item, queue, written):
    if queue is None:
        with pytest.raises(Unclear):
            items(f":queues:\n  - {item}\n")
        return
    (found,), lines = items(f":queues:\n  - {item}\n")
    assert (found.queue, found.sound) == (Queue(*queue), False)
    assert rewritten(lines[1], found, 6 if "6" in item else None) == f"  - {written}"


def test_lists_of_all_kinds():
    assert [item.queue.name for item in items("q:\n- a\n\n# x\n- b\n")[0]] == ["a", "b"]
    assert items("q:\n")[0] == ()
    found, _lines = items("q: [a, [b, 2], 'c' , [d]] # x\n")
    assert [item.queue for item in found] == [Queue("a"), Queue("b", 2), Queue("c"), Queue("d")]


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "\n  a: 1",
        "\n  - - a\n    - 8",
        "\n  -\n    a",
        "\n  - {a: 1}",
        "\n  - [a, 8, 9]",
        "\n  - [a, b, c]",
        "\n  - &a a",
        "\n  - *a",
        "\n  - ~x: 1",
        "\n  - <%= x %>",
        "\n  - [<%= x %>, 8]",
        "\n  - [a, <%= x %>]",
        "\n  - |\n    a",
        "\n  - a\n    b",
        "[a,\n b]",
        "[a, {b: 1}]",
        "[a] b",
        "*a",
        '\n  - "a\\\\b"',
    ],
)
def test_what_is_not_clear(value):
    with pytest.raises(Unclear):
        items(f"q: {value}\n")


def test_new_items_look_like_the_others():
    listed, _lines = items("q:\n- [a, 2]\n- [b]\n")
    bare, _lines = items("q:\n- 'a'\n")
    assert as_item(Queue("x"), listed) == "[x]" and as_item(Queue("x", 3), listed) == "[x, 3]"
    assert as_item(Queue("x"), bare) == "'x'" and as_item(Queue("x", 3), bare) == "['x', 3]"
    assert as_item(Queue("x"), ()) == "[x]" and as_item(Queue("on"), ()) == '["on"]'
    assert as_item(Queue("a:b"), ()) == '["a:b"]' and as_item(Queue("7"), ()) == '["7"]'
