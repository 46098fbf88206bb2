# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.fediverse.mastodon.plugins.filter._as_list import _as_list


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ([], []),
        ("", []),
        ("a", ["a"]),
        ("gone.example, dead.example,", ["gone.example", "dead.example"]),
        (["a, b"], ["a, b"]),
        ([{"domains": ["a"]}], [{"domains": ["a"]}]),
    ],
    ids=repr,
)
def test_as_list(given, meant):
    assert _as_list(given) == meant


@pytest.mark.parametrize(
    ("kind", "given", "meant"),
    [
        ("queues", "", []),
        ("queues", " , ", []),
        ("queues", [], []),
        ("queues", "push pull, ingress", ["push", "pull", "ingress"]),
        ("domains", ["Gone.example\n", "bücher.example"], ["gone.example", "xn--bcher-kva.example"]),
        ("files", ".env.production, my file", [".env.production", "my file"]),
    ],
    ids=repr,
)
def test_names(kind, given, meant):
    assert _as_list(given, kind, "an_option") == meant


def test_what_can_be_no_name_is_refused():
    with pytest.raises(AnsibleFilterError, match="my_domains: 'gone[*]' is no pattern for servers"):
        _as_list("gone*", "domains", "my_domains")


def test_of_a_url_its_server_is_taken_with_a_warning(monkeypatch):
    warnings = []
    monkeypatch.setattr(Display, "warning", lambda _self, text: warnings.append(text))
    assert _as_list("https://gone.example/inbox", "domains", "my_domains") == ["gone.example"]
    assert [text.partition(":")[0] for text in warnings] == ["my_domains"]
