# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of the units."""

from __future__ import annotations

import pytest

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.sidekiq_command import (
    evaluate,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.unit_file import (
    Part,
    Unit,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.unit_facts import MARK
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.render import write
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.validate import Limits, declare
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption

from .hosts import PATH, STOCK, facts


def written(entry, **host):
    host = read_host(facts(**host))
    [worker] = declare([entry], host, Limits(), {}).workers
    return write(worker, worker.units[-1], host)


def as_unit(file):
    return Unit(file.unit, (Part(file.path, file.content),))


def test_drop_in_of_the_stock_unit():
    file = written({"name": "stock"})
    assert file.path == f"{PATH}.d/zz-workers.conf"
    lines = [line for line in file.content.splitlines() if not line.startswith("#")]
    assert lines == ["[Service]", "TimeoutStopSec=35", f'Environment="FEDIVERSE_WORKERS_DIGEST={file.digest}"']


def test_derived_unit_keeps_what_the_stock_unit_says():
    file = written(
        {
            "name": "pull",
            "queues": ["pull", {"name": "fasp", "weight": 2}],
            "threads": 10,
            "timeout": 50,
            "stop_timeout": 70,
            "memory_high": "700M",
            "memory_max": "1G",
            "jemalloc": True,
            "environment": {"TMPDIR": '/home/mastodon/live/tmp "50 %"'},
        }
    )
    unit, stock = as_unit(file), Unit("mastodon-sidekiq.service", (Part(PATH, STOCK),))
    assert file.path == "/etc/systemd/system/mastodon-sidekiq-pull.service"
    assert file.content.startswith(f"{MARK}\n")
    assert unit.values("ExecStart") == ["/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 10 -t 50 -q pull -q fasp,2"]
    for key in ("User", "WorkingDirectory", "Restart", "ProtectSystem", "ReadWritePaths", "Type"):
        assert unit.values(key) == stock.values(key)
    assert unit.values("WantedBy", "Install") == ["multi-user.target"]
    assert unit.values("Description", "Unit")[-1] == "mastodon-sidekiq (pull)"
    assert unit.stop_timeout() == 70
    assert (unit.last("MemoryHigh"), unit.last("MemoryMax")) == ("700M", "1G")
    environment = unit.environment()
    assert environment.pop("FEDIVERSE_WORKERS_DIGEST") == file.digest
    assert environment == {
        "RAILS_ENV": "production",
        "DB_POOL": "10",
        "MALLOC_ARENA_MAX": "2",
        "LD_PRELOAD": "libjemalloc.so.2",
        "TMPDIR": '/home/mastodon/live/tmp "50 %"',
    }


def test_without_jemalloc():
    environment = as_unit(written({"name": "pull", "jemalloc": False})).environment()
    assert (environment["LD_PRELOAD"], environment["MALLOC_ARENA_MAX"]) == ("", "2")


def test_drop_ins_of_the_stock_unit_are_inherited_but_for_those_that_reach_the_new_one():
    file = written(
        {"name": "pull"},
        files={
            f"{PATH}.d/override.conf": "[Service]\nEnvironment=FROM=override\n[Install]\nAlias=sidekiq.service\n",
            f"{PATH}.d/zz-workers.conf": f"{MARK}\n[Service]\nEnvironment=FROM=ours\n",
            "/etc/systemd/system/mastodon-.service.d/all.conf": "[Service]\nEnvironment=FROM=prefix\n",
            "/usr/lib/systemd/system/service.d/10-all.conf": "[Service]\nEnvironment=FROM=everything\n",
        },
    )
    assert as_unit(file).environment()["FROM"] == "override"
    for absent in ("prefix", "everything", "ours", "Alias"):
        assert absent not in file.content


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"stock": STOCK.replace("PrivateTmp", "X").replace("strict", "full")}),
        ({}, {"files": {f"{PATH}.d/override.conf": "[Service]\nNice=5\n"}}),
    ],
)
@pytest.mark.parametrize("name", ["stock", "pull"])
def test_the_digest_tells_when_the_stock_unit_changed(one, other, name):
    assert written({"name": name}, **one).digest != written({"name": name}, **other).digest


def test_instances_differ_in_name_only():
    host = read_host(facts())
    [worker] = declare([{"name": "pull", "instances": 2}], host, Limits(), {}).workers
    first, second = (write(worker, unit, host) for unit in worker.units)
    assert second.path == "/etc/systemd/system/mastodon-sidekiq-pull-2.service"
    assert "mastodon-sidekiq (pull-2)" in second.content
    assert first.digest != second.digest


ENVIRONMENT_FILE = STOCK.replace("[Install]", "EnvironmentFile=/etc/default/mastodon\n[Install]")
FILES = {"/etc/default/mastodon": {"DB_POOL": "25", "LD_PRELOAD": "x.so"}}


def test_a_file_of_the_stock_unit_wins_over_environment_so_env_sets_the_value():
    file = written(
        {"name": "push", "queues": ["push"], "threads": 40, "jemalloc": True},
        stock=ENVIRONMENT_FILE,
        environment_files=FILES,
    )
    unit = as_unit(file)
    assert unit.values("ExecStart") == [
        "/usr/bin/env DB_POOL=40 LD_PRELOAD=libjemalloc.so.2 /home/mastodon/.rbenv/shims/bundle exec sidekiq -c 40 -q push"
    ]
    assert unit.environment()["DB_POOL"] == "25" and unit.environment()["MALLOC_ARENA_MAX"] == "2"
    options = evaluate(unit.values("ExecStart")[0], {**unit.environment(), **FILES["/etc/default/mastodon"]})
    assert (options.concurrency, options.variables["DB_POOL"]) == (40, "40")


@pytest.mark.parametrize(
    ("start", "wanted"),
    [
        (
            "/usr/bin/env RAILS_ENV=production DB_POOL=5 /b exec sidekiq",
            "/usr/bin/env RAILS_ENV=production DB_POOL=5 DB_POOL=40 /b exec sidekiq",
        ),
        ("-/b exec sidekiq", "-/usr/bin/env DB_POOL=40 /b exec sidekiq"),
    ],
)
def test_env_before_other_commands(start, wanted):
    stock = ENVIRONMENT_FILE.replace("/home/mastodon/.rbenv/shims/bundle exec sidekiq", start)
    file = written({"name": "push", "queues": ["push"], "threads": 40}, stock=stock, environment_files=FILES)
    assert as_unit(file).values("ExecStart") == [f"{wanted} -c 40 -q push"]


def test_env_cannot_stand_before_a_command_with_another_name():
    stock = ENVIRONMENT_FILE.replace("ExecStart=", "ExecStart=@")
    with pytest.raises(BadOption, match="begins with @, so DB_POOL cannot be set"):
        written({"name": "push", "threads": 40}, stock=stock, environment_files=FILES)


def test_threads_that_were_a_variable_do_not_follow_another_pool():
    file = written({"name": "push", "queues": ["push"], "db_pool": 40}, stock=STOCK.replace("-c 25", "-c ${DB_POOL}"))
    assert as_unit(file).values("ExecStart") == ["/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 25 -q push"]
    assert as_unit(file).environment()["DB_POOL"] == "40"
