# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the declared workers and a host to what is done."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.unit_facts import MARK
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.plan import plan_workers
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.validate import Limits
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

from .hosts import PATH, STOCK, facts, installation, process
from .test_validate import ALL, SPLIT

NAMES = ["mastodon-sidekiq.service"] + [f"mastodon-sidekiq-{name}.service" for name in ("push", "pull", "ingress")]


def plan(entries, processes=(), seen=(), take_over=False, limits=None, **host):
    """`seen`: the pids that the host has; a process of this host with another one was killed."""
    killed = [one["identity"] for one in processes if seen and one["hostname"] == "host" and one["pid"] not in seen]
    found = read_host(facts(killed=killed, **host))
    return plan_workers(entries, found, limits or Limits(), processes, take_over)


def installed(entries, **more):
    """The facts of a host on which these workers run, and their processes."""
    found = plan(entries)["files"]
    pids = {file["unit"]: 100 + number for number, file in enumerate(found)}
    host = {
        "files": {file["path"]: file["content"] for file in found},
        "pids": pids,
        "digests": {file["unit"]: file["digest"] for file in found},
    }
    queues = {worker["unit"]: worker["queues"] for worker in plan(entries)["expected"]["workers"]}
    return {**host, **more}, [process(pids[unit], queues[unit]) for unit in pids]


def moves(found):
    return [(move["down"], move["up"], move["drain"]) for move in found["moves"]]


def test_from_the_stock_unit_to_four():
    found = plan(SPLIT, [process()], [100])
    assert found["refusals"] == []
    assert [file["unit"] for file in found["files"]] == NAMES
    assert moves(found) == [([], sorted(NAMES[1:]), False), (NAMES[:1], NAMES[:1], False)]
    # the running process may need 25 s and the drop-in gives 35
    assert found["stop_timeouts"] == []
    assert found["enable"] == sorted(NAMES[1:])
    assert (found["disable"], found["remove"], found["set_aside"]) == ([], [], [])


def test_a_second_time_nothing_is_done():
    host, processes = installed(SPLIT)
    found = plan(SPLIT, processes, [100, 101, 102, 103], **host)
    assert found["refusals"] == []
    assert (found["moves"], found["enable"], found["disable"], found["remove"]) == ([], [], [], [])
    assert (found["stop_timeouts"], found["leftovers"], found["reload"]) == ([], [], False)
    assert [file["content"] for file in found["files"]] == [file["content"] for file in plan(SPLIT)["files"]]


def test_and_back():
    host, processes = installed(SPLIT)
    found = plan([{"name": "stock"}], processes, [100, 101, 102, 103], **host)
    assert moves(found) == [(NAMES[:1], NAMES[:1], False), (sorted(NAMES[1:]), [], True)]
    assert found["disable"] == sorted(NAMES[1:])
    assert found["remove"] == [f"/etc/systemd/system/{name}" for name in sorted(NAMES[1:])]
    assert found["moves"][1]["identities"] == ["host:103:abc", "host:102:abc", "host:101:abc"]
    assert found["expected"]["gone"] == ["host:103:abc", "host:102:abc", "host:101:abc"]


@pytest.mark.parametrize(
    ("what", "host"),
    [
        ("another text", {"digests": {NAMES[0]: "0123"}}),
        ("never started by the role", {"digests": {}}),
    ],
)
def test_what_runs_with_another_text_is_restarted(what, host):
    changed, processes = installed([{"name": "stock"}], **host)
    assert moves(plan([{"name": "stock"}], processes, **changed)) == [(NAMES[:1], NAMES[:1], False)], what


def test_a_quiet_process_is_restarted():
    host, [running] = installed([{"name": "stock"}])
    assert moves(plan([{"name": "stock"}], [{**running, "quiet": True}], **host)) == [(NAMES[:1], NAMES[:1], True)]


def test_a_unit_that_does_not_run_is_started():
    host, processes = installed(SPLIT)
    host["pids"] = {unit: pid for unit, pid in host["pids"].items() if unit != NAMES[1]}
    host["digests"] = {unit: digest for unit, digest in host["digests"].items() if unit != NAMES[1]}
    assert moves(plan(SPLIT, processes, **host)) == [([], NAMES[1:2], False)]


def test_a_stock_unit_that_is_not_declared_is_stopped_and_its_file_stays():
    host, processes = installed([{"name": "stock"}])
    found = plan([{"name": "main", "queues": ALL}], processes, [100], **host)
    assert moves(found) == [(["mastodon-sidekiq.service"], ["mastodon-sidekiq-main.service"], False)]
    assert found["disable"] == ["mastodon-sidekiq.service"]
    assert found["remove"] == [f"{PATH}.d/zz-workers.conf"]
    # without the drop-in systemd would kill it after 15 s
    assert found["stop_timeouts"] == []
    found = plan([{"name": "main", "queues": ALL}], [process()], [100])
    assert [(entry["unit"], entry["seconds"]) for entry in found["stop_timeouts"]] == [("mastodon-sidekiq.service", 35)]


def test_what_runs_now_gets_the_time_it_was_promised():
    stock = STOCK.replace("-c 25", "-c 25 -t 120")
    found = plan([{"name": "stock", "timeout": 20, "stop_timeout": 30}], [process()], [100], stock=stock)
    assert [(entry["unit"], entry["seconds"]) for entry in found["stop_timeouts"]] == [
        ("mastodon-sidekiq.service", 130)
    ]


HAND_WRITTEN = {"/etc/systemd/system/mastodon-sidekiq-pull.service": "[Service]\nExecStart=/usr/bin/sidekiq -q pull\n"}


def test_units_of_others_are_refused_or_taken_over():
    found = plan(SPLIT, files=HAND_WRITTEN)
    assert "mastodon-sidekiq-pull.service was not written by this role" in found["refusals"][0]
    found = plan(SPLIT, files=HAND_WRITTEN, take_over=True)
    assert (found["refusals"], found["set_aside"]) == ([], [])
    assert [file["backup"] for file in found["files"]] == [False, False, True, False]
    found = plan([{"name": "stock"}], files=HAND_WRITTEN, take_over=True)
    assert (found["set_aside"], found["remove"]) == (list(HAND_WRITTEN), [])


def test_units_that_run_no_sidekiq_are_none_of_ours():
    other = {"/etc/systemd/system/mastodon-sidekiq-alert.service": "[Service]\nExecStart=/usr/bin/mail root\n"}
    assert plan([{"name": "stock"}], files=other)["refusals"] == []


def test_processes_of_other_hosts_and_of_containers():
    other = process(7, ["scheduler"], hostname="other")
    assert (
        "served by 2 processes: mastodon-sidekiq.service and other:7:abc"
        in plan([{"name": "stock"}], [other])["refusals"][0]
    )
    container = process(7, ["scheduler"])
    assert plan([{"name": "stock"}], [container], [7, 100])["refusals"] != []
    # a process that was killed is remembered for a minute
    assert plan([{"name": "stock"}], [container], [100])["refusals"] == []
    assert plan([{"name": "stock"}], [{**other, "alive": False, "queues": []}])["refusals"] == []


def test_no_stock_unit():
    with pytest.raises(BadOption, match="There is no mastodon-sidekiq.service"):
        plan([{"name": "stock"}], stock="")


def test_a_stock_unit_with_a_shell():
    with pytest.raises(BadOption, match="shell or a script"):
        plan(
            [{"name": "stock"}],
            stock=STOCK.replace("/home/mastodon/.rbenv/shims/bundle", "/bin/sh -c 'bundle").replace("-c 25", "-c 25'"),
        )


def test_what_a_broken_run_left_is_removed():
    path = f"/run/systemd/system/{NAMES[0]}.d/zzz-workers-stop.conf"
    found = plan([{"name": "stock"}], files={path: "[Service]\nTimeoutStopSec=99\n"})
    assert found["leftovers"] == [path]
    assert MARK in found["files"][0]["content"]


def test_a_broken_run_does_not_shorten_the_time_of_what_runs():
    path = f"/run/systemd/system/{NAMES[0]}.d/zzz-workers-stop.conf"
    left = {path: "[Service]\nTimeoutStopSec=130\n"}
    found = plan([{"name": "stock", "timeout": 8}], [process()], [100], files=left)
    assert [(entry["unit"], entry["seconds"]) for entry in found["stop_timeouts"]] == [(NAMES[0], 130)]


FOREIGN = "mastodon-sidekiq-pull.service"


@pytest.mark.parametrize("take_over", [False, True])
def test_a_unit_of_another_instance_is_left_alone(take_over):
    pids = {NAMES[0]: 100, FOREIGN: 200}
    host = {"files": HAND_WRITTEN, "pids": pids, "installed": installation({NAMES[0]: 100}, foreign=[FOREIGN])}
    found = plan([{"name": "stock"}], [process()], [100, 200], take_over, **host)
    assert found["refusals"] == []
    assert FOREIGN not in str({**found, "warnings": []})
    refused = plan(SPLIT, [process()], [100, 200], take_over, **host)["refusals"]
    assert refused == [
        f"Worker pull would be {FOREIGN}, which belongs to another instance. Its Mastodon root is /home/other/live. Give the worker"
        " another name."
    ]


@pytest.mark.parametrize(
    ("entries", "refused"),
    [(SPLIT, True), ([{"name": "main", "queues": ALL}], True), ([{"name": "stock"}], False)],
    ids=["changed", "removed", "as it is"],
)
def test_a_process_whose_jobs_nobody_knows_is_not_stopped(entries, refused):
    host, processes = installed([{"name": "stock"}])
    silent = installation({}, unmatched=[NAMES[0]])
    found = plan(entries, [], [100], **{**host, "installed": silent})
    assert [f"{NAMES[0]} runs, and which jobs run in it (3 by the title" in one for one in found["refusals"]] == [
        True
    ] * refused


def test_a_unit_that_may_be_of_another_instance_is_not_replaced():
    doubtful = installation({NAMES[0]: 100}, **{FOREIGN: "Nothing tells."})
    doubtful["workers"] += installation({FOREIGN: 200}, **{FOREIGN: "Nothing tells."})["workers"]
    host = {"files": HAND_WRITTEN, "installed": doubtful}
    (refused,) = plan(SPLIT, [process()], [100], True, **host)["refusals"]
    assert refused.startswith(f"{FOREIGN} may not be of this instance. Nothing tells. If it is")


def test_a_host_that_was_renamed_and_a_process_below_a_shell():
    """The heartbeat has the old name of the host, and another pid than the main process of the unit."""
    host, _processes = installed([{"name": "stock"}])
    host["installed"] = installation({NAMES[0]: 103})
    renamed = process(103, hostname="host", identity="host:103:abc")
    found = plan([{"name": "main", "queues": ALL}], [{**renamed, "hostname": "old"}], [100, 103], **host)
    assert (found["refusals"], found["moves"][0]["identities"]) == ([], ["host:103:abc"])
