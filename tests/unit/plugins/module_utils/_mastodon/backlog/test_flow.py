# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates and what follows from them, against arithmetic done by hand."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.backlog.flow import Flow, measure


def snapshot(at, processed, sizes, failed=0, threads=10, quiet=False):
    return {
        "taken_epoch": at,
        "totals": {"processed": processed, "failed": failed},
        "queues": [{"name": name, "size": size} for name, size in sizes.items()],
        "processes": [{"alive": True, "quiet": quiet, "concurrency": threads}],
    }


def test_rates():
    flow = measure(
        snapshot(100, 1000, {"push": 500, "pull": 20}), snapshot(110, 1300, {"push": 900, "gone": 1}, failed=20)
    )
    assert (flow.seconds, flow.backlog, flow.completed, flow.failed, flow.threads) == (10, 901, 30, 2, 10)
    assert flow.net == {"push": 40, "pull": -2, "gone": 0.1}
    assert flow.arrived == pytest.approx(30 + 38.1)


def test_counters_that_were_reset_are_no_work():
    flow = measure(snapshot(100, 1000, {"push": 500}), snapshot(110, 0, {"push": 500}))
    assert (flow.completed, flow.arrived) == (0, 0)


def test_quiet_processes_do_not_count():
    assert measure(snapshot(0, 0, {}), snapshot(1, 0, {}, quiet=True)).threads == 0


@pytest.mark.parametrize(
    ("backlog", "completed", "arrived", "more", "seconds", "hold"),
    [
        (0, 0, 0, 0, 0, 0),
        (1000, 30, 20, 0, 100, 0),
        (1000, 20, 30, 0, None, 6),  # a thread does 2 a second
        (1000, 20, 30, 5, None, 6),  # holds, but does not gain
        (1000, 20, 30, 10, 100, 6),
        (1000, 0, 30, 10, None, None),  # how fast a thread is nobody knows
        (1000, 0, 0, 10, None, 0),
    ],
)
def test_time_to_empty(backlog, completed, arrived, more, seconds, hold):
    flow = Flow(10, backlog, completed, 0, arrived, {}, 10)
    assert flow.to_empty(more) == seconds
    assert flow.threads_to_hold() == hold
