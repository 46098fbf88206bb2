# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts from the field: which units count, and what their Sidekiq runs with."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.plan import plan_workers
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.validate import Limits
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

from .hosts import STOCK, facts, installation, process, worker

TEMPLATE = STOCK.replace("-c 25", "-c 25 -q %i")
PUSH, DEFAULT = "mastodon-sidekiq@push.service", "mastodon-sidekiq-default@25.service"


def plan(entries, host, processes=(), take_over=False):
    return plan_workers(entries, host, Limits(), processes, take_over)


def with_instances():
    """Three processes with 25 threads each: the stock unit, and two that admins made of templates."""
    return read_host(
        facts(
            files={
                "/etc/systemd/system/mastodon-sidekiq@.service": TEMPLATE,
                "/etc/systemd/system/mastodon-sidekiq-default@.service": STOCK.replace("-c 25", "-c %i -q default"),
            },
            pids={"mastodon-sidekiq.service": 100, PUSH: 101, DEFAULT: 102},
        )
    )


def test_instances_of_templates_are_workers_like_others():
    host = with_instances()
    assert list(host.units) == ["mastodon-sidekiq.service", PUSH, DEFAULT]
    assert (host.units[PUSH].queues, host.units[DEFAULT].queues) == (("push",), ("default",))
    refusals = " ".join(plan([{"name": "stock"}], host)["refusals"])
    assert f"{PUSH} was not written by this role" in refusals and f"{DEFAULT} was not written" in refusals


def test_instances_that_are_taken_over_go():
    processes = [process(100), process(101, ["push"]), process(102, ["default"])]
    found = plan([{"name": "stock"}], with_instances(), processes, take_over=True)
    assert found["refusals"] == [] and found["disable"] == [DEFAULT, PUSH]
    assert {unit for move in found["moves"] for unit in move["down"]} >= {PUSH, DEFAULT}
    assert found["set_aside"] == [
        "/etc/systemd/system/mastodon-sidekiq-default@.service",
        "/etc/systemd/system/mastodon-sidekiq@.service",
    ]


def test_an_instance_cannot_stand_for_the_others():
    said = facts(files={"/etc/systemd/system/mastodon-sidekiq@.service": TEMPLATE}, pids={PUSH: 101})
    with pytest.raises(BadOption, match="is an instance of a template"):
        plan([{"name": "stock"}], read_host({**said, "stock_unit": PUSH}))


def nixos(**fields):
    """Units as services.mastodon.sidekiqProcesses makes them; none has the name of another as its beginning."""
    said = facts(
        stock=None,
        files={
            f"/etc/systemd/system/mastodon-sidekiq-{name}.service": STOCK.replace("-c 25", f"-c 5 -q {name}")
            for name in ("scheduler", "push")
        },
        pids={"mastodon-sidekiq-scheduler.service": 100, "mastodon-sidekiq-push.service": 101},
    )
    said["installation"]["workers"][1].update(fields)
    return read_host({**said, "stock_unit": "mastodon-sidekiq-scheduler.service"})


def test_units_outside_of_the_pattern_count_if_they_are_used():
    host = nixos()
    assert list(host.units) == ["mastodon-sidekiq-scheduler.service", "mastodon-sidekiq-push.service"]
    assert "mastodon-sidekiq-push.service was not written by this role" in " ".join(
        plan([{"name": "stock"}], host)["refusals"]
    )
    assert len(nixos(running=False).units) == 2 and len(nixos(running=False, enabled=False).units) == 1


def test_what_the_role_temporary_workers_starts_is_not_ours_to_stop():
    host = nixos(unit_file="/run/systemd/transient/mastodon-drain-1.service")
    assert list(host.units) == ["mastodon-sidekiq-scheduler.service"]


def test_a_sibling_below_a_shell_has_queues_that_only_redis_tells():
    path = "/etc/systemd/system/mastodon-sidekiq-pull.service"
    text = STOCK.replace(
        "/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 25", "/bin/bash -lc 'bundle exec sidekiq -q pull'"
    )
    host = read_host(
        facts(files={path: text}, pids={"mastodon-sidekiq.service": 100, "mastodon-sidekiq-pull.service": 101})
    )
    assert host.units["mastodon-sidekiq-pull.service"].queues is None
    assert host.units["mastodon-sidekiq-pull.service"].timeout is None


def test_what_the_role_added_is_not_what_the_stock_unit_says():
    drop_in = "/etc/systemd/system/mastodon-sidekiq.service.d/zz-workers.conf"
    host = read_host(
        facts(files={drop_in: "[Service]\nExecStart=\nExecStart=/b exec sidekiq -c 3\nEnvironment=DB_POOL=3\n"})
    )
    assert (host.effective.threads, host.effective.pool) == (25, 25)


def test_secrets_of_files_are_known_by_name_alone():
    text = STOCK.replace("[Install]", "EnvironmentFile=/etc/default/mastodon\n[Install]")
    host = read_host(
        facts(stock=text, environment_files={"/etc/default/mastodon": {"DB_PASS": "s3cret", "DB_POOL": "9"}})
    )
    assert host.file_variables == dict.fromkeys(("DB_PASS", "DB_POOL"), "/etc/default/mastodon")
    assert "s3cret" not in repr(host) and host.variable("DB_POOL") == "9"


def test_a_container_is_no_unit():
    said = facts(installed=installation({}))
    said["installation"]["workers"].append(
        {**worker("0123456789ab", 7), "kind": "container", "files": {}, "unit_file": None}
    )
    assert list(read_host(said).units) == ["mastodon-sidekiq.service"]
