# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for the tests of units: what their tools print."""

from __future__ import annotations

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


def facts(stock=STOCK, files=None, pids=None, digests=None, release=(4, 5), disabled=(), **more):
    """`files`: path -> text, beside the stock unit; `pids`: unit -> pid of what runs."""
    everything = {PATH: stock, **(files or {})}
    units = list(dict.fromkeys(path.rpartition("/")[2] for path in everything if path.endswith(".service")))
    pids = {"mastodon-sidekiq.service": 100} if pids is None else pids
    found = {
        "stock_unit": "mastodon-sidekiq.service",
        "files": "".join(f"{name} {'disabled' if name in disabled else 'enabled'} enabled\n" for name in units),
        "loaded": "".join(f"{name} loaded active running\n" for name in pids),
        "cat": "\n".join(f"# {path}\n{text}" for path, text in everything.items()),
        "show": "\n\n".join(
            f"Id={name}\nMainPID={pids.get(name, 0)}\nActiveState={'active' if name in pids else 'inactive'}\nNeedDaemonReload=no"
            for name in units
        ),
        "digests": "".join(
            f"/proc/{pids[name]}/environ:FEDIVERSE_WORKERS_DIGEST={digest}\0"
            for name, digest in (digests or {}).items()
        ),
        "nodename": "host",
        "database": DATABASE,
        "version_rb": VERSION.format(*release) if release else "",
        "libraries": LIBRARIES,
        "installation": installation(pids),
    }
    return {**found, **more}


def worker(name, *pids, **more):
    """A unit as mastodon_info describes it, each of its processes with the heartbeat of `process`."""
    found = {"name": name, "kind": "service", "running": bool(pids), "main_pid": pids[0] if pids else 0, "doubt": None}
    found["container"] = found["engine"] = None
    return {**found, "processes": [{"identity": f"host:{pid}:abc", "pid": pid} for pid in pids], **more}


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
