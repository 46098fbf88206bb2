# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One side of a comparison in a process of its own: `python side.py ACTION SOCKET [JSON]` prints its seconds and its memory.

The seconds leave out the start of the interpreter; the memory is the largest resident size of the whole process.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys

_WINDOW = 2000


def plain_list(client: redis.Redis, options: Mapping[str, Any]) -> int:
    """Read a queue with redis-py and decode every job; how many there were."""
    key, count = f"queue:{options['queue']}", 0
    while window := client.lrange(key, count, count + _WINDOW - 1):
        for raw in window:
            json.loads(raw)
        count += len(window)
    return count


def plain_set(client: redis.Redis, options: Mapping[str, Any]) -> int:
    """Read a set by ZSCAN with redis-py and decode every member; how many there were."""
    count = 0
    for raw, _score in client.zscan_iter(options["set"], count=1000):
        json.loads(raw)
        count += 1
    return count


def edit(client: redis.Redis, options: Mapping[str, Any]) -> int:
    """Edit jobs as the module sidekiq_job does, with archive and locks; how many were edited."""
    return int(sidekiq_job.edit_jobs(_session(client, sidekiq_job.JOB_OPTIONS, options))["edited"])


def histogram(client: redis.Redis, options: Mapping[str, Any]) -> int:
    """Count jobs as the module sidekiq_job_info does; how many matched."""
    return int(sidekiq_job.job_info(_session(client, sidekiq_job.INFO_OPTIONS, options))["total"])


def _session(client: redis.Redis, spec: Mapping[str, Mapping[str, Any]], options: Mapping[str, Any]) -> Session:
    values = {name: option.get("default") for name, option in spec.items()}
    return Session(client, Keys(""), {**values, **options}, False, "benchmark")


ACTIONS: dict[str, Callable[[redis.Redis, Mapping[str, Any]], int]] = {
    action.__name__: action for action in (plain_list, plain_set, edit, histogram)
}


def main(action: str, socket: str, options: str = "{}") -> None:
    """Run one side and say what it cost."""
    gc.freeze()  # what is loaded by now stays, and need not be looked at again
    client = redis.Redis(unix_socket_path=socket, protocol=2)
    client.ping()
    began = time.perf_counter()
    number = ACTIONS[action](client, json.loads(options))
    seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "memory": memory, "number": number}))


if __name__ == "__main__":
    main(*sys.argv[1:])
