# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a text says and what is wanted to the new text. Real Ruby judges more of it in tests/conformance."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.plan import Settings, plan, read
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.queues import Queue

STOCK = """\
---
:concurrency: <%= ENV.fetch('SIDEKIQ_CONCURRENCY', 5) %>
:queues:
  - [default, 8]
  - [push, 6] # out
  # in
  - [ingress, 4]
  - [pull]

:scheduler:
  :listened_queues_only: true
"""


def edited(text, wanted, environment=None):
    """The lines that an edit takes out and puts in."""
    planned = plan(text, wanted, environment)
    assert planned.reason is None
    assert plan(planned.text, wanted, environment).text == planned.text
    lines = difflib.ndiff(text.splitlines(keepends=True), planned.text.splitlines(keepends=True))
    return [line for line in lines if line[0] in "-+"]


def queues(*named):
    return tuple(Queue(*one) if isinstance(one, tuple) else Queue(one) for one in named)


def test_what_the_stock_file_says():
    found = read(STOCK)
    assert found.settings == Settings(5, queues(("default", 8), ("push", 6), ("ingress", 4), "pull"), None)
    assert found.variables == {"concurrency": "SIDEKIQ_CONCURRENCY"} and not found.unclear
    assert plan(STOCK, Settings()).text == STOCK
    assert plan(STOCK, found.settings).text == STOCK


def test_numbers():
    assert edited(STOCK, Settings(concurrency=10, timeout=20)) == [
        "- :concurrency: <%= ENV.fetch('SIDEKIQ_CONCURRENCY', 5) %>\n",
        "+ :concurrency: <%= ENV.fetch('SIDEKIQ_CONCURRENCY', 10) %>\n",
        "+ :timeout: 20\n",
    ]
    assert edited("verbose: true\n", Settings(timeout=20)) == ["+ timeout: 20\n"]
    assert edited("verbose: true", Settings(concurrency=20))[0] == "+ concurrency: 20\n"


def test_weights_keep_the_order_of_the_file():
    assert edited(STOCK, Settings(queues=queues(("new", 1), ("push", 7), "pull", ("default", 8)))) == [
        "-   - [push, 6] # out\n",
        "+   - [push, 7] # out\n",
        "-   - [ingress, 4]\n",
        "+   - [new, 1]\n",
    ]
    same = queues("pull", ("ingress", 4), ("push", 6), ("default", 8))
    assert edited(STOCK, Settings(queues=same)) == []


def test_without_weights_the_order_is_that_which_is_wanted():
    planned = plan(STOCK, Settings(queues=queues("pull", "push", "default")))
    assert "  - [pull]\n  - [push] # out\n  # in\n  - [default]\n" in planned.text
    assert planned.after.settings.queues == queues("pull", "push", "default")


def test_none_of_the_queues_stays():
    planned = plan("queues:\n- a\n# x\n- b\nz: 1\n", Settings(queues=queues(("c", 2), "d")))
    assert planned.text == "queues:\n- [c, 2]\n- d\n# x\nz: 1\n"


def test_new_lists():
    assert plan("", Settings(queues=queues("a", ("b", 2)))).text == ":queues:\n  - [a]\n  - [b, 2]\n"
    assert edited(":queues: # x\n", Settings(queues=queues("a"))) == ["+   - [a]\n"]
    assert edited("queues: [a, [b, 2]] # x\n", Settings(queues=queues(("b", 3), ("c", 1)))) == [
        "- queues: [a, [b, 2]] # x\n",
        "+ queues: [[b, 3], [c, 1]] # x\n",
    ]


def test_sections():
    wanted = Settings(concurrency=25, queues=queues("a"))
    assert edited(STOCK, wanted, "production") == [
        "+ :production:\n",
        "+   :concurrency: 25\n",
        "+   :queues:\n",
        "+     - [a]\n",
    ]
    assert edited("a: 1\nproduction:\nb: 2\n", Settings(timeout=9), "production") == ["+   timeout: 9\n"]
    text = "concurrency: 5\nproduction:\n    # x\n    timeout: 8\n    concurrency: 7\n"
    assert edited(text, wanted, "production") == [
        "-     concurrency: 7\n",
        "+     concurrency: 25\n",
        "+     queues:\n",
        "+       - [a]\n",
    ]
    assert read(text).overridden == ("concurrency", "timeout") and not read(text, "production").overridden
    assert read("a: 1\nproduction: &p\n  timeout: 8\n").overridden == ("timeout",)


def test_a_mark_of_the_byte_order_stays():
    assert plan("\ufeffconcurrency: 5\n", Settings(6)).text == "\ufeffconcurrency: 6\n"


@pytest.mark.parametrize(
    ("text", "environment", "reason"),
    [
        (
            "a: 1\n:concurrency: 5\nconcurrency: 6\n",
            None,
            "line 3: concurrency is there a second time (first in line 2)",
        ),
        ("concurrency: *a\n", None, "line 1: the value *a is no plain number, but an anchor, an alias or a structure"),
        ("concurrency: <%= x %>\n", None, "line 1: the value is made by ERB: <%= x %>"),
        ("<% if x %>\nconcurrency: 5\n<% end %>\n", None, "line 2: a block of ERB decides about concurrency"),
        ("a: 1\n<% if x %>\nb: 1\n<% end %>\n<%= y %>\n", None, "line 5: what ERB makes of it is not known here"),
        ("concurrency: 5\n<<: *a\n", None, "line 2: what is merged here (<<) may replace concurrency"),
        ("<<: *a\n", None, "line 1: concurrency may come from what is merged here (<<)"),
        ("production: *a\n", "production", "line 1: the section production is not written below its name: *a"),
        ("production: {a: 1}\n", "production", "line 1: the section production is not written below its name: {a: 1}"),
        ("p: &p\n  a: 1\nq: *p\n", "p", "line 1: others take what stands in the section p (&p)"),
        ("p:\n- a\n", "p", "line 2: is no plain key of a mapping"),
        ("p:\n<% if x %>\n  a: 1\n<% end %>\n", "p", "line 2: a block of ERB decides about the section p"),
        ("a: |\n  b", "p", "line 2: the text here has no newline at its end, and would get one"),
        ("<% if x %>\na: 1\n<% end %>", None, "line 2: a block of ERB stands where the new line would have to"),
        ("<% if x %>\na: 1\n<% end %>\n", "p", "line 3: a block of ERB stands where the new line would have to"),
    ],
)
def test_what_is_left_alone(text, environment, reason):
    planned = plan(text, Settings(concurrency=7), environment)
    assert (planned.text, planned.reason) == (text, reason)
    assert planned.after is planned.before


def test_only_what_is_wanted_has_to_be_clear():
    text = "concurrency: <%= x %>\nqueues: *a\ntimeout: 5\n"
    assert plan(text, Settings(timeout=6)).reason is None
    found = plan(text, Settings())
    assert found.reason and found.text == text and set(found.before.unclear) == {"concurrency", "queues"}
    assert found.before.settings == Settings(timeout=5)
    assert (
        plan("queues: [a, a]\n", Settings(queues=queues("a"))).reason == "line 1: a queue is in the list a second time"
    )


NAMES = st.lists(st.sampled_from(["default", "push", "ingress", "pull", "new", "yes", "a:b"]), min_size=1, unique=True)
WEIGHTS = st.one_of(st.none(), st.integers(1, 20))


@given(
    names=NAMES, data=st.data(), concurrency=WEIGHTS, timeout=WEIGHTS, environment=st.sampled_from([None, "production"])
)
def test_it_reads_what_it_wrote_and_leaves_the_rest(names, data, concurrency, timeout, environment):
    wanted = Settings(concurrency, tuple(Queue(name, data.draw(WEIGHTS)) for name in names), timeout)
    planned = plan(STOCK, wanted, environment)
    after = planned.after.settings
    assert planned.reason is None
    assert set(after.queues) == set(wanted.queues) and len(after.queues) == len(wanted.queues)
    assert concurrency in (None, after.concurrency) and timeout in (None, after.timeout)
    rest = [line for line in STOCK.splitlines() if not line.startswith(("  - ", ":concurrency"))]
    assert [line for line in planned.text.splitlines() if line in rest] == rest
    assert plan(planned.text, wanted, environment).text == planned.text


@given(st.text(alphabet="a:-[]{}'\"#|>&*!<%=> \n\t1,?.", max_size=60))
def test_no_text_makes_it_stumble(text):
    for environment in (None, "a"):
        planned = plan(text, Settings(7, queues("x"), 9), environment)
        assert planned.reason or plan(planned.text, Settings(7, queues("x"), 9), environment).text == planned.text
