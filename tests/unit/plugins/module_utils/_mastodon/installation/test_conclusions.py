# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles conclude from a description of the installation, and the advice that they give."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.conclusions import (
    left_alone,
    unidentified,
    why_not_derived,
)

STOCK = "mastodon-sidekiq.service"
FOREIGN = {"name": STOCK, "running": True, "reason": "Its Mastodon root is /home/other/live, not /home/mastodon/live."}


def worker(name=STOCK, kind="service", **more):
    return {
        "name": name,
        "kind": kind,
        "running": True,
        "doubt": None,
        "container": None,
        "engine": None,
        "root": None,
        **more,
    }


def container(engine="docker", **more):
    return worker("7207be031381", "container", container="7207be031381" * 5, engine=engine, **more)


def why(workers=(), foreign=(), unmatched=()):
    return why_not_derived({"workers": workers, "foreign": foreign, "unmatched": unmatched}, STOCK)


def test_a_unit_of_this_instance():
    assert why([worker()]) == why([worker(running=False)]) == why([worker(), container()]) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"foreign": [FOREIGN]}, ["belongs to another instance, so nothing is derived", FOREIGN["reason"]]),
        ({"workers": [worker(doubt="Two Redis.")]}, ["may not be of this instance. Two Redis."]),
        (
            {"workers": [worker(container="7207", engine="podman")]},
            ["runs Sidekiq in a container", "where the container is"],
        ),
        (
            {"workers": [container()]},
            ["the container 7207be031381 of docker", "a second Sidekiq beside it", "stop_grace_period: 35s"],
        ),
        ({"workers": [container("kubernetes")]}, ["mastodon.sidekiq.workers"]),
        ({"workers": [container(None)]}, ["the container 7207be031381.", "Declare its processes where"]),
        ({"workers": [worker("process 1856", "process")]}, ["Sidekiq runs as process 1856", "Stop it first"]),
        ({"workers": [worker("sidekiq.service")]}, ["Sidekiq runs in sidekiq.service", "Set the stock unit"]),
        (
            {"workers": [worker(f"sidekiq-{name}.service") for name in "abc"]},
            ["sidekiq-a.service, sidekiq-b.service, sidekiq-c.service", "the one from which the others are derived"],
        ),
        (
            {"workers": [worker(root="/nix/store/abc-mastodon-4.5.1")]},
            ["made by NixOS", "services.mastodon.sidekiqProcesses"],
        ),
        (
            {"unmatched": [{"name": "process 7", "kind": "process", "ours": None, "reason": "Who knows."}]},
            ["runs in process 7", "Do not install", "Who knows."],
        ),
        ({}, ["no Sidekiq of this instance runs here. Install Mastodon's own unit first"]),
    ],
)
def test_advice_that_is_true(found, words):
    reason = why(**found)
    assert all(one in reason for one in words), reason
    assert ("Install Mastodon's own unit" in reason) == (found == {})


def test_many_containers_are_one_line():
    assert why([container()] * 7).count("7207be031381") == 5
    assert "2 more" in why([container()] * 7)


def test_sentences():
    assert left_alone({"foreign": [FOREIGN]}) == [
        f"{STOCK} is left alone, as it is not of this instance. {FOREIGN['reason']}"
    ]
    stopped = {"foreign": [{**FOREIGN, "running": False}]}
    assert (left_alone(stopped), len(left_alone(stopped, ["mastodon-sidekiq*"]))) == ([], 1)
    silent = {"name": STOCK, "busy": 25, "reason": "No heartbeat has its pid."}
    assert "(25 by the title of its process) is not known, so it is not stopped. No heartbeat" in unidentified(silent)
    assert "jobs run in it is not known" in unidentified({**silent, "busy": None})
