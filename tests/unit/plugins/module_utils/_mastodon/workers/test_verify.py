# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Sidekiq says of itself, against what was declared."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.verify import verdict

from .hosts import process, worker

EXPECTED = {
    "workers": [
        {
            "unit": "a.service",
            "threads": 25,
            "db_pool": 25,
            "queues": ["default", "scheduler"],
            "weights": {"default": 8, "scheduler": 0},
        },
        {"unit": "b.service", "threads": 5, "db_pool": None, "queues": ["pull"], "weights": {}},
    ],
    "required": ["default", "scheduler", "pull"],
    "elsewhere": [],
    "gone": ["host:9:abc"],
}
UNITS = [worker("a.service", 1), worker("b.service", 2)]
A = process(1, ["default", "scheduler"], weights={"default": 8, "scheduler": 0})
B = process(2, ["pull"], concurrency=5)


@pytest.mark.parametrize(
    ("processes", "said"),
    [
        ([A, B], []),
        ([{**A, "weights": {}}, B], []),  # Sidekiq 6 does not tell
        ([A], ["b.service (pid 2) has not reported", "No process serves pull."]),
        ([A, {**B, "concurrency": 25}], ["b.service (pid 2) has 25 threads instead of 5."]),
        ([A, {**B, "queues": ["push"]}], ["b.service (pid 2) serves push instead of pull.", "No process serves pull."]),
        ([{**A, "weights": {"default": 1, "scheduler": 0}}, B], ["a.service (pid 1) has the weights"]),
        ([A, {**B, "quiet": True}], ["b.service (pid 2) is quiet.", "No process serves pull."]),
        ([A, B, process(3, ["scheduler"])], ["2 processes serve scheduler: host:1:abc, host:3:abc."]),
        ([A, B, process(3, ["scheduler"], alive=False)], []),
        ([A, B, process(9, ["push"])], ["host:9:abc should be gone"]),
        ([A, {**B, "identity": "other:2:abc"}], ["b.service (pid 2) has not reported"]),
    ],
)
def test_verdict(processes, said):
    problems = verdict(EXPECTED, processes, UNITS)
    assert len(problems) == len(said)
    for problem, start in zip(problems, said):
        assert problem.startswith(start)


def test_in_the_midst_of_a_change():
    assert verdict(EXPECTED, [B], UNITS, only=["b.service"]) == []
    assert verdict(EXPECTED, [B], [worker("b.service")], only=["b.service"]) == [
        "b.service does not run: journalctl -u b.service"
    ]


def test_other_hosts():
    assert verdict({**EXPECTED, "required": ["push"], "elsewhere": ["push"]}, [A, B], UNITS) == []


def test_each_process_of_a_unit_counts():
    """sidekiqswarm starts several."""
    swarm = [worker("a.service", 1), worker("b.service", 2, 3)]
    problems = verdict(EXPECTED, [A, B, process(3, ["pull"], concurrency=7)], swarm)
    assert problems == ["b.service (pid 3) has 7 threads instead of 5."]


def test_what_was_meant_for_the_pool_must_have_won():
    """A file of EnvironmentFile= wins over Environment=, and nothing else tells."""
    unit = worker("a.service", 1)
    unit["processes"][0]["db_pool"] = 5
    problems = verdict(EXPECTED, [A, B], [unit, UNITS[1]])
    assert problems == ["a.service (pid 1) was started with DB_POOL=5 instead of 25."]


def test_capsules_bring_queues_with_weights_that_nobody_declared():
    wanted = {**EXPECTED["workers"][0], "queues": ["default", "scheduler", "fasp"]}
    expected = {**EXPECTED, "workers": [wanted, EXPECTED["workers"][1]]}
    seen = {**A, "queues": ["default", "scheduler", "fasp"], "weights": {"default": 8, "scheduler": 0, "fasp": 1}}
    assert verdict(expected, [seen, B], UNITS) == []
