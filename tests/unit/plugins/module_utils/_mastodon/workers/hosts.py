# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for the tests of units: what mastodon_info returns."""

from __future__ import annotations

import re

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules.mastodon_info import describe_settings
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation import surroundings
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.effective import Said, effective
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.sidekiq_command import (
    expand_specifiers,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.unit_file import (
    Part,
    Unit,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.systemd.units import parse_units
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation.unit_facts import (
    UnitFacts,
    Value,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.settings import dotenv as dotenv_file
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.sidekiq_yml.read import read_sidekiq_yml

STOCK = """\
[Unit]
Description=mastodon-sidekiq
After=network.target

[Service]
Type=simple
User=mastodon
WorkingDirectory=/home/mastodon/live
Environment="RAILS_ENV=production"
Environment="DB_POOL=25"
Environment="MALLOC_ARENA_MAX=2"
Environment="LD_PRELOAD=libjemalloc.so"
ExecStart=/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 25
TimeoutSec=15
Restart=always
ProtectSystem=strict
ReadWritePaths=/home/mastodon/live

[Install]
WantedBy=multi-user.target
"""
PATH = "/etc/systemd/system/mastodon-sidekiq.service"
VERSION = "module Mastodon\n  module Version\n    def major\n      {}\n    end\n    def minor\n      {}\n    end\n    def patch\n      0\n    end\n"
DATABASE = "max_connections|100\nsuperuser_reserved_connections|3\n"
LIBRARIES = "\tlibjemalloc.so.2 (libc6,x86-64) => /lib/x86_64-linux-gnu/libjemalloc.so.2\n"
SIDEKIQ_YML = """\
:concurrency: <%= ENV.fetch('SIDEKIQ_CONCURRENCY', 5) %>
:queues:
  - default
  - push
  - ingress
  - mailers
  - pull
  - scheduler
  - fasp
"""


def facts(
    stock=STOCK,
    files=None,
    pids=None,
    digests=None,
    release=(4, 5),
    disabled=(),
    dotenv="",
    sidekiq_yml=SIDEKIQ_YML,
    around="",
    libraries=LIBRARIES,
    database=DATABASE,
    environment_files=None,
    installed=None,
    killed=(),
):
    """`files`: path -> text, beside the stock unit; `pids`: unit -> pid of what runs.

    `around`: what systemctl shows of other units of Mastodon. `environment_files`: path -> variables, for all units.
    `installed`: what mastodon_info says of foreign units, of doubts, and of what it could not match.
    """
    everything = {**({PATH: stock} if stock else {}), **(files or {})}
    pids = {"mastodon-sidekiq.service": 100} if pids is None else pids
    values = dict(dotenv_file.parse(dotenv, {}).values)
    units = parse_units(
        "\n\n".join(
            "\n".join(sorted(block.splitlines(), key=lambda line: not line.startswith("Type=")))
            for block in re.split(r"\n\s*\n", around)
        )
    )
    limits = {name: int(value) for name, value in re.findall(r"^(\w+)\|(\d+)$", database, re.MULTILINE)}
    reserved = sum(value for name, value in limits.items() if name != "max_connections") if limits else None
    names = list(dict.fromkeys(path.rpartition("/")[2] for path in everything if re.search(r"[^@]\.service$", path)))
    names += [name for name in pids if "@" in name]
    found = installation(pids) if installed is None else installed
    said = {worker["name"]: worker for worker in found["workers"]}
    outside = {*(entry["name"] for entry in found["foreign"])}
    workers = [
        {
            **worker(name, *([pids[name]] if name in pids else [])),
            **_settings(_unit(name, everything), environment_files or {}, values, sidekiq_yml, release),
            "enabled": name not in disabled,
            "digest": (digests or {}).get(name),
            **said.get(name, {} if name in said or installed is None else {"processes": []}),
        }
        for name in names
        if name not in outside and _unit(name, everything).parts
    ]
    web = surroundings.web_server(units, None)
    streaming = surroundings.streaming_connections(
        [{**values, **unit.environment()} for unit in surroundings.streaming_servers(units, None)]
    )
    return {
        "stock_unit": "mastodon-sidekiq.service",
        "installation": {
            **found,
            "systemd": True,
            "root": "/home/mastodon/live",
            "release": ".".join(map(str, (*release, 0))) if release else None,
            "settings": {
                name: {"value": value, "source": ".env.production", "in_files": value} for name, value in values.items()
            },
            "limits": {
                "postgresql": {
                    "max_connections": limits.get("max_connections"),
                    "reserved": reserved,
                }
            },
            "jemalloc": surroundings.jemalloc(lambda command: (0, libraries, "")),
            "web": web and vars(surroundings.web_connections({**values, **web.environment()})),
            "streaming": streaming and vars(streaming),
            "workers": workers,
            "elsewhere": [{"identity": identity, "killed": True} for identity in killed],
        },
    }


def _other(line):
    """systemctl prints the type first."""
    return not line.startswith("Type=")


def _unit(name, files):
    """With its drop-ins; an instance has the file of its template."""
    own = re.sub("@.*[.]", "@.", name)
    return Unit(
        name,
        tuple(
            Part(path, text) for path, text in files.items() if path.rpartition("/")[2] == own or f"/{name}.d/" in path
        ),
    )


def _settings(unit, environment_files, dotenv, yml, release):
    environment = {name: Value(value, unit.name) for name, value in unit.environment().items()}
    for path in unit.environment_files():
        environment.update({name: Value(value, path) for name, value in environment_files.get(path, {}).items()})
    values = {name: value.value for name, value in environment.items()}
    config = read_sidekiq_yml(yml, values)
    lines = unit.values("ExecStart")
    line = expand_specifiers(lines[0], unit.name) if len(lines) == 1 else None
    said = Said(line, values, dotenv, config, (*release, 0) if release else None)
    found = UnitFacts(effective(said), unit, environment, config, "/home/mastodon/live/config/sidekiq.yml")
    return describe_settings(found, unit_files=True)


def worker(name, *pids, **more):
    """A unit as mastodon_info describes it, each of its processes with the heartbeat of `process`."""
    found = {"name": name, "kind": "service", "running": bool(pids), "main_pid": pids[0] if pids else 0, "doubt": None}
    found.update(container=None, engine=None, state="active" if pids else "inactive", need_daemon_reload=False)
    found.update(pids=list(pids), unit_file=f"/etc/systemd/system/{name}", root="/home/mastodon/live")
    processes = [{"identity": f"host:{pid}:abc", "pid": pid, "db_pool": None} for pid in pids]
    return {**found, "processes": processes, **more}


def installation(pids, foreign=(), unmatched=(), **doubts):
    """What mastodon_info returns. `foreign`: names of units of others; `doubts`: unit -> why it may be of another instance."""
    return {
        "workers": [worker(name, pid, doubt=doubts.get(name)) for name, pid in pids.items()],
        "foreign": [{"name": name, "reason": "Its Mastodon root is /home/other/live."} for name in foreign],
        "unmatched": [
            {
                "name": name,
                "kind": "service",
                "ours": True,
                "pids": [1],
                "busy": 3,
                "reason": "No heartbeat has its pid.",
            }
            for name in unmatched
        ],
    }


def process(pid=100, queues=("default", "push", "ingress", "mailers", "pull", "scheduler", "fasp"), **more):
    found = {"identity": f"{more.get('hostname', 'host')}:{pid}:abc", "hostname": "host", "pid": pid, "alive": True}
    found.update(quiet=False, busy=0, concurrency=25, queues=list(queues), weights={}, rss_bytes=400 * 1024**2)
    return {**found, **more}
