# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a situation into an empty database: what an integration target runs, and a person who wants to look around.

    ./dev exec python tests/instance/write.py trouble --url redis://127.0.0.1:7000/0

Without --alive nothing keeps its processes alive afterwards: a minute later they are ghosts.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

import redis

from ansible_collections.fediverse.mastodon.tests.instance import heartbeat, releases, situations

_LONGEST = 15 * 60  # seconds


def main(arguments: Sequence[str]) -> int:
    """Write it, unless the database holds anything. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("situation", choices=situations.SITUATIONS)
    parser.add_argument("--url", required=True, help="where to write it, such as redis://127.0.0.1:7000/0")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is full size, 0.01 a hundredth of the jobs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sidekiq", default=releases.SIDEKIQ, help="the release of Sidekiq that left it")
    parser.add_argument(
        "--alive", action="store_true", help="let its processes beat until the server ends, or 15 minutes"
    )
    options = parser.parse_args(arguments)
    with redis.Redis.from_url(options.url) as client:
        if client.dbsize():
            print(f"{options.url} is not empty; nothing was written", file=sys.stderr)
            return 1
        situation = situations.SITUATIONS[options.situation]
        processes = situation(client, seed=options.seed, version=options.sidekiq, scale=options.scale)
    if options.alive and os.fork() == 0:
        _beat(options.url, processes)
    return 0


def _beat(url: str, processes: Sequence[heartbeat.Process]) -> None:
    """In the background: heartbeats until the server is gone. Does not return."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    end = time.monotonic() + _LONGEST
    client = redis.Redis.from_url(url)
    try:
        while time.monotonic() < end:
            for process in processes:
                heartbeat.write(client, process)
            time.sleep(0.5)
    finally:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
