# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the roles workers and tuning: errors in sentences, and what they hand on."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.fediverse.mastodon.plugins.filter import (
    _tuning_plan,
    _workers_plan,
    _workers_verdict,
)
from ansible_collections.fediverse.mastodon.tests.unit.plugins.module_utils._mastodon.workers.hosts import (
    STOCK,
    facts,
    process,
)

GIB = 1024**3


def test_names():
    for module in (_tuning_plan, _workers_plan, _workers_verdict):
        [(name, function)] = module.FilterModule().filters().items()
        assert module.__name__.endswith(f".{name}") and callable(function)


def test_plan_is_plain_data():
    found = _workers_plan._workers_plan(facts(), [{"name": "stock"}], [process()])
    assert json.loads(json.dumps(found)) == found
    assert found["summary"] == [
        "stop (Sidekiq finishes or pushes back its jobs): mastodon-sidekiq.service; then start: mastodon-sidekiq.service"
    ]


def test_verdict():
    expected = _workers_plan._workers_plan(facts(), [{"name": "stock"}], [process()])["expected"]
    assert _workers_verdict._workers_verdict([process()], expected, facts()["installation"]["workers"]) == []
    assert _workers_verdict._workers_verdict([process()], expected, []) != []


def test_tuning():
    found = _tuning_plan._tuning_plan(
        facts(),
        4,
        8 * GIB,
        4 * GIB,
        {
            "processes": [
                process(busy=25),
                process(7),
                process(8, alive=False),
                process(100, hostname="other", identity="other:100:abc"),
            ],
            "queues": [{"name": "default", "latency": 60, "size": 9, "processes": ["host:100:abc"]}],
            "redis": {"clients": 40, "maxclients": 10000},
        },
        {"elsewhere": 3, "others": 0},
        {"threads_max": 10, "memory": "2G", "max_connections": None, "required_queues": []},
    )
    assert (found["processes"], found["threads"]) == (3, 9), found["arithmetic"]
    assert found["current"] == [{"threads": 25, "rss_bytes": 400 * 1024**2}]
    assert "25 of 25 threads busy" in found["advice"][1]
    assert found["other_connections"] == 10 + 10 + 50  # web, streaming, two processes of Sidekiq
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: _workers_plan._workers_plan({}, []), "There is no mastodon-sidekiq.service"),
        (lambda: _tuning_plan._tuning_plan({}, 1, 1, 1), "There is no mastodon-sidekiq.service"),
        (lambda: _tuning_plan._tuning_plan(facts(), 1, 1, 1, preferences={"memory": "much"}), "much"),
        (
            lambda: _tuning_plan._tuning_plan(facts(), 1, 1, 1, preferences={"threads_max": 0}),
            "tuning_threads_max is 0",
        ),
        (lambda: _workers_plan._workers_plan(facts(stock=STOCK + "[Service]\nExecStart=/b\n"), []), "2 ExecStart"),
    ],
)
def test_errors_are_sentences(call, said):
    with pytest.raises(AnsibleFilterError, match=said):
        call()
