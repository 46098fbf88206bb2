# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes jobs and looks at the processes in Redis ten times a second, until a file says that it is enough.

Then it waits for the last job and writes what it saw: jobs that are nowhere, the longest time that each queue was served
by nobody, and the most processes that served the scheduler at the same time.

    watch.py STOP_FILE RESULT_FILE
"""

from __future__ import annotations

import json
import os
import random
import sys
import time

import redis

QUEUES = ("default", "push", "ingress", "mailers", "pull", "scheduler", "fasp")
SECONDS = (*[0.05] * 12, 1, 3)
LONG = 28
"""Longer than Mastodon's unit gives a process to end, and about as long as Sidekiq waits for it."""
PATIENCE = 90


def push(client: redis.Redis, queue: str, seconds: float) -> str:
    jid, now = os.urandom(12).hex(), time.time()
    job = {"class": "FeedInsertWorker", "args": [1, f"lab:sleep {seconds}"], "queue": queue, "jid": jid, "retry": True}
    job.update(created_at=now, enqueued_at=now)
    with client.pipeline() as together:
        together.sadd("queues", queue).lpush(f"queue:{queue}", json.dumps(job)).execute()
    return jid


def processes(client: redis.Redis) -> list[tuple[str, list[str], bool]]:
    """Identity, queues and whether it is quiet, of each that is alive."""
    found = []
    for name in client.smembers("processes"):
        info, quiet = client.hmget(name, "info", "quiet")
        if info:
            found.append((name, json.loads(info)["queues"], quiet == "true"))
    return found


def main(stop: str, result: str) -> None:
    client = redis.Redis(decode_responses=True)
    made: list[str] = []
    last = dict.fromkeys(QUEUES, time.monotonic())
    gaps = dict.fromkeys(QUEUES, 0.0)
    schedulers, seen, events, started = 0, None, [], time.monotonic()
    looks = 0
    while not os.path.exists(stop):
        now, alive = time.monotonic(), processes(client)
        schedulers = max(schedulers, sum("scheduler" in queues for _name, queues, _quiet in alive))
        for queue in QUEUES:
            gaps[queue] = max(gaps[queue], now - last[queue])
            if any(queue in queues and not quiet for _name, queues, quiet in alive):
                last[queue] = now
        state = sorted((name.split(":")[1], len(queues), quiet) for name, queues, quiet in alive)
        if state != seen:
            events.append([round(now - started, 1), state])
            seen = state
        if looks % 100 == 0:
            made.append(push(client, "default", LONG))
        looks += 1
        if looks % 3 == 0:
            made.append(push(client, random.choice(QUEUES), random.choice(SECONDS)))
        time.sleep(0.1)
    deadline = time.monotonic() + PATIENCE
    performed = client.lrange("lab:performed", 0, -1)
    while set(made) - set(performed) and time.monotonic() < deadline:
        time.sleep(0.5)
        performed = client.lrange("lab:performed", 0, -1)
    begun = client.lrange("lab:begun", 0, -1)
    found = {
        "made": len(made),
        "lost": sorted(set(made) - set(performed)),
        "performed_twice": sum(performed.count(jid) > 1 for jid in made),
        "begun_again": sum(begun.count(jid) > 1 for jid in made),
        "schedulers": schedulers,
        "gaps": {queue: round(gap, 1) for queue, gap in gaps.items()},
        "events": events,
    }
    with open(f"{result}.new", "w", encoding="utf-8") as file:
        json.dump(found, file)
    os.replace(f"{result}.new", result)


if __name__ == "__main__":
    main(*sys.argv[1:])
