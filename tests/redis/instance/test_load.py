# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./dev bench and ./dev soak say of the load while they measured."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.fediverse.mastodon.tests.benchmarks import load
from ansible_collections.fediverse.mastodon.tests.benchmarks.load import Reading, Watched

STAT = "cpu  100 20 30 4000 500 6 7 8 90 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
SPIN = "import time\nwhile time.process_time() < 1: pass"


def test_busy_is_neither_idle_nor_waiting_and_guests_count_once():
    assert load.busy_seconds(STAT, ticks=10) == pytest.approx(17.1)


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        (Reading(0.5, 0, 0, 0), Reading(2.5, 10, 19, 18), []),
        (Reading(2.0, 0, 0, 0), Reading(9.0, 10, 2, 0), []),
        (
            Reading(2.5, 0, 0, 0),
            Reading(1.0, 10, 0, 0),
            ["the load average was 2.5 when it began, more than 2 processors"],
        ),
        (
            Reading(0.5, 0, 50, 7),
            Reading(0.5, 10, 60, 12),
            ["other programs used 25% of the processors' time (limit 10%)"],
        ),
        (Reading(3.0, 0, 0, 0), Reading(3.0, 10, 20, 5), ["the load average was 3.0", "other programs used 75%"]),
    ],
)
def test_what_is_told(before, after, reasons):
    told = Watched(2, before, after, highest=9.0).report()
    assert told.startswith(
        f"2 processors. Load average: {before.load:.1f} before, 9.0 during (the highest), {after.load:.1f}"
    )
    assert all(reason in told for reason in reasons)
    assert ("Distrust these figures" in told) is bool(reasons)


def test_the_work_of_children_is_ours():
    with load.watching() as watched:
        subprocess.run([sys.executable, "-c", SPIN], check=True)
    assert watched.after is not None
    assert watched.after.ours - watched.before.ours >= 1
    assert watched.after.busy - watched.before.busy >= 0.9
    assert watched.highest >= max(watched.before.load, watched.after.load)
