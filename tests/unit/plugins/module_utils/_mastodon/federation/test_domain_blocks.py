# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of Mastodon's admin API so that a server is blocked as wanted."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation import domain_blocks
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption, SidekiqError


def block(domain="gone.example", severity="silence", **values):
    return domain_blocks.block_of({"id": 7, "domain": domain, "severity": severity, "reject_media": False, **values})


@pytest.mark.parametrize(
    ("wanted", "update", "there", "method", "sent"),
    [
        ({"severity": "noop"}, False, [], "POST", {"domain": "gone.example", "severity": "noop"}),
        ({"severity": "silence"}, False, [block()], None, {}),
        ({"severity": "silence"}, False, [block("GONE.example")], None, {}),
        ({"severity": "silence", "private_comment": ""}, False, [block()], None, {}),
        ({"severity": "silence", "reject_media": False}, False, [block()], None, {}),
        ({"severity": "suspend"}, True, [block()], "PUT", {"severity": "suspend"}),
        ({"severity": "silence", "reject_media": True}, True, [block()], "PUT", {"reject_media": True}),
        ({"severity": "silence"}, True, [block()], None, {}),
        (
            {"severity": "suspend"},
            False,
            [block("example", "suspend")],
            "POST",
            {"domain": "gone.example", "severity": "suspend"},
        ),
    ],
)
def test_present(wanted, update, there, method, sent):
    step = domain_blocks.plan_present("gone.example", wanted, update, there)
    assert (step.method, step.send) == (method, sent)
    assert step.block is not None and step.block["severity"] == wanted["severity"]
    assert set(step.block) == set(block())


@pytest.mark.parametrize(
    ("wanted", "there", "why"),
    [
        ({"severity": "suspend"}, block(), "severity is 'silence', not 'suspend'"),
        ({"severity": "silence", "reject_media": True}, block(), "reject_media is False, not True"),
        ({"severity": "noop"}, block("example"), "covered by the block of example"),
        ({"severity": "silence"}, block("example", reject_media=True), "covered by the block of example"),
    ],
)
def test_present_is_refused(wanted, there, why):
    with pytest.raises(BadOption, match=why):
        domain_blocks.plan_present("gone.example", wanted, False, [there])


def test_the_nearest_block_above_counts():
    above = [block("example", "suspend"), block("gone.example", "noop")]
    assert domain_blocks.plan_present("a.gone.example", {"severity": "silence"}, False, above).method == "POST"


def test_absent():
    assert domain_blocks.plan_absent("gone.example", None, [block("other.example")]).method is None
    step = domain_blocks.plan_absent("gone.example", "silence", [block()])
    assert (step.method, step.was, step.block) == ("DELETE", block(), None)
    with pytest.raises(BadOption, match="severity 'silence', not 'suspend'"):
        domain_blocks.plan_absent("gone.example", "suspend", [block()])


@pytest.mark.parametrize(
    "said",
    [
        *([], {}, None, {"id": 1, "domain": "a"}, {"id": 1, "severity": "noop"}, {"domain": "a", "severity": "noop"}),
        *({"id": 1, "severity": "noop", "domain": 5}, {"id": [], "severity": "noop", "domain": "a"}),
    ],
)
def test_what_is_no_block(said):
    with pytest.raises(SidekiqError, match="no block of a server"):
        domain_blocks.block_of(said)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Gone.Example", "gone.example"),
        (" gone.example. ", "gone.example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_names(name, normal):
    assert domain_blocks.normal(name) == normal


@pytest.mark.parametrize("name", ["", ".", "a..b", "*.example", "a b", "https://a", "a/b", "u:p@a", "a" * 64, "a\n.b"])
def test_what_is_no_name(name):
    with pytest.raises(BadOption, match="is no name of a server"):
        domain_blocks.normal(name)


@pytest.mark.parametrize(
    "domain", ["\u00df.example", "\u1e9e.example", "\u03b1\u03c2.example", "a\u200db.example", "a\u200cb.example"]
)
def test_a_name_that_means_two_servers(domain):
    with pytest.raises(BadOption, match=r"^domain: .* may mean two servers\. .* with xn--\."):
        domain_blocks.normal(domain)
    assert domain_blocks.normal("xn--zca.example") == "xn--zca.example"
