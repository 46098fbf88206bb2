# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions of admins that docs/tuning.md answers: the page shows what the role prints for such a host."""

from __future__ import annotations

import pathlib
import textwrap

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.load import Crew, Late, Load
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.machine import (
    MIB,
    Machine,
    Preferences,
    Running,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.recommendation import (
    recommend,
)

from .plugins.module_utils._mastodon.workers.hosts import facts
from .plugins.module_utils._mastodon.workers.tuning.test_recommendation import GIB, STREAMING, WEB

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "tuning.md"
REDIS = (70, 10000)


def busy(threads):
    crew = Crew(threads, threads)
    return Load(crew, (Late("default", 720, 5, crew),))


def report(load, machine, **host):
    """As roles/tuning/tasks/plan.yml prints it."""
    found = recommend(read_host(facts(**host)), machine, Preferences(), load)
    return "\n".join(
        [
            f"mastodon.example: {found['advice'][0]}",
            *[f"  {line}" for line in found["advice"][1:]],
            "  Computed from:",
            *[f"    {line}" for line in found["arithmetic"]],
        ]
    )


HERE = {"around": WEB + STREAMING}
SMALL = Machine(4, 4 * GIB, 1 * GIB, (Running(450 * MIB, 25),), 0, REDIS)
QUESTIONS = {
    "4 GB and 4 cores, busy": (busy(25), SMALL, HERE),
    "4 GB and 4 cores, idle": (Load(Crew(2, 25)), SMALL, HERE),
    "over 1 GB a process": (
        busy(25),
        Machine(4, 4 * GIB, 600 * MIB, (Running(1331 * MIB, 25),), 0, REDIS),
        HERE,
    ),
    "10,000 active users": (busy(25), Machine(8, 16 * GIB, 13 * GIB, (Running(600 * MIB, 25),), 0, REDIS), {}),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_page_shows_what_the_role_prints(question):
    load, machine, host = QUESTIONS[question]
    shown = textwrap.dedent(report(load, machine, **host))
    assert shown in PAGE.read_text(encoding="utf-8"), shown
