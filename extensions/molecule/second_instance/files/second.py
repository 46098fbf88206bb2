# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what the second instance of a host is: its processes, its units with all their files, its heartbeats and its jobs."""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess

import redis

SHOWN = ("MainPID", "NRestarts", "ActiveState", "UnitFileState", "FragmentPath", "DropInPaths")
SECOND = redis.Redis(db=1)


def unit(name: str) -> dict[str, object]:
    argv = ["systemctl", "show", *(f"--property={key}" for key in SHOWN), name]
    shown = dict(line.split("=", 1) for line in subprocess.check_output(argv, text=True).splitlines())
    files = [shown["FragmentPath"], *shown["DropInPaths"].split()]
    started = pathlib.Path("/proc", shown["MainPID"], "stat").read_text().rpartition(")")[2].split()[19]
    return {
        **shown,
        "started": started,
        "files": {file: hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest() for file in files},
    }


def heartbeat(identity: bytes) -> dict[str, object]:
    signals = SECOND.lrange(identity + b"-signals", 0, -1)
    return {"quiet": (SECOND.hget(identity, "quiet") or b"").decode(), "signals": [one.decode() for one in signals]}


begun = SECOND.lrange("lab:begun", 0, -1)
print(
    json.dumps(
        {
            "units": {name: unit(name) for name in ("mastodon-sidekiq-second.service", "mastodon-drain-2.service")},
            "processes": {one.decode(): heartbeat(one) for one in sorted(SECOND.smembers("processes"))},
            "begun": [len(begun), len(set(begun))],
            "queues": {name: SECOND.llen(f"queue:{name}") for name in ("pull", "push")},
            "sets": {name: SECOND.zcard(name) for name in ("retry", "schedule", "dead")},
        },
        indent=1,
        sort_keys=True,
    )
)
