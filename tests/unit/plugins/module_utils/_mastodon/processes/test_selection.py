# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes a task means, and which jobs it does not."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.selection import (
    Choice,
    Running,
    pick,
    translated,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.job import parse
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.process import Process, Work


def process(name, host="a", tag="live", queues=("pull",)):
    return Process(f"{host}:1:{name}", True, host, 1, tag=tag, queues=queues)


def work(process, jid, name="BackupWorker", queue="pull", elapsed=10.0, args=(1,)):
    job = {"class": name, "jid": jid, "args": list(args)}
    return Work(process.identity, f"t{jid}", queue, 0.0, elapsed, parse(json.dumps(job).encode()))


ONE, TWO, OTHER = process("1"), process("2", tag="slow", queues=("push", "default")), process("3", host="b")
ALL = [ONE, TWO, OTHER]
DELIVERY = work(TWO, "d", "ActivityPub::DeliveryWorker", "push", 70.0, ["{}", 1, "https://slow.example/inbox"])
WORK = [work(ONE, "x", elapsed=7200.0), work(ONE, "y"), DELIVERY, work(OTHER, "z", elapsed=None)]


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        (Choice(identities=["a:1:2", "no:1:such"]), [TWO]),
        (Choice(hostnames=["a"]), [ONE, TWO]),
        (Choice(hostnames=["a"], tags=["slow"]), [TWO]),
        (Choice(queues=["default", "mailers"]), [TWO]),
        (Choice(hostnames=["b"], queues=["push"]), []),
        (Choice(running=Running(longer_than=3600.0)), [ONE]),
        (Choice(running=Running(longer_than=60.0)), [ONE, TWO]),
        (Choice(running=Running(classes=["Backup*"])), [ONE, OTHER]),
        (Choice(running=Running(classes=["ActivityPub::*"], queues=["pull"])), []),
        (Choice(running=Running(domains=["slow.example"])), [TWO]),
        (Choice(running=Running(domains=["*.slow.example"])), []),
        (Choice(running=Running(jids=["z"])), [OTHER]),
        (Choice(hostnames=["a"], identities=[]), []),
        (Choice(hostnames=["a"], queues=[]), []),
        (Choice(running=Running(longer_than=0.0, domains=[])), []),
        (Choice(running=Running(longer_than=0.0, classes=[])), []),
        (Choice(running=Running(longer_than=0.0, jids=[])), []),
        (Choice(), ALL),
    ],
)
def test_all_conditions_hold(choice, found):
    assert [one.process for one in pick(ALL, WORK, choice)] == found


def test_innocents_are_the_jobs_that_nobody_means():
    [one] = pick(ALL, WORK, Choice(running=Running(longer_than=3600.0)))
    assert ([job.job.jid for job in one.jobs], [job.job.jid for job in one.other_jobs]) == (["x", "y"], ["y"])
    [one] = pick(ALL, WORK, Choice(identities=["a:1:1"]))
    assert one.other_jobs == one.jobs == (WORK[0], WORK[1])


def test_a_choice_without_a_condition_is_empty():
    assert Choice().empty
    assert not Choice(running=Running(jids=["a"])).empty
    assert not Choice(identities=[]).empty
    assert Running().empty
    assert not Running(domains=[]).empty


def test_names_of_articles():
    running, [warning] = translated(Running(classes=["ExportWorker"], longer_than=5.0))
    assert (running.classes, running.longer_than) == (["BackupWorker"], 5.0)
    assert "ExportWorker" in warning
