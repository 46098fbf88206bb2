# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Sidekiqs that are killed while they work: what becomes of their jobs, once another one has worked them off."""

from __future__ import annotations

import pathlib
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from typing import Any

from ansible_collections.fediverse.mastodon.tests.conformance.sidekiq_live import (
    RELEASES,
    Release,
    open_live,
    sidekiq,
)
from ansible_collections.fediverse.mastodon.tests.redis.modules import account
from ansible_collections.fediverse.mastodon.tests.redis.process_task import change
from ansible_collections.fediverse.mastodon.tests.redis.waiting import wait_for

_JOBS, _THREADS = 40, 10
_CLASSES = ("BackupWorker", "ActivityPub::DeliveryWorker", "LinkCrawlWorker")
_PATIENCE = 600.0  # seconds, against hanging
_JOURNAL = {"LAB_JOURNAL": "1"}


@dataclass(frozen=True)
class Balance:
    """`restored`: jobs that were put back, so that they began a second time; `twice`: those that ran to their end twice."""

    kills: int = 0
    jobs: int = 0
    restored: int = 0
    twice: int = 0
    lost: int = 0

    def __add__(self, other: Balance) -> Balance:
        return Balance(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other))))


def round_(
    release: Release, directory: pathlib.Path, seed: int, frozen: bool = False, plainly: bool = False
) -> Balance:
    """Kill a Sidekiq at work and let another one finish. `frozen`: it hangs, and beats no more, so
    that what it took since its last heartbeat is lost. `plainly`: by the
    signal alone, as an administrator would."""
    chance = random.Random(seed)
    with open_live(release, directory) as live:
        jids = []
        for number in range(_JOBS):
            jid = live.judge.push(chance.choice(_CLASSES), number, f"{number} of {seed}")
            live.client.hset("lab:orders", jid, f"sleep {chance.uniform(0.1, 60):.2f}")
            jids.append(jid)
        with sidekiq(release, live.url, directory, ["push", "pull"], _THREADS, "victim", env=_JOURNAL) as victim:
            time.sleep(chance.uniform(0, release.beat))
            if frozen:
                victim.freeze()
            if plainly:
                victim.kill()
                result: dict[str, Any] = {"changed": True, "restored": 0, "complete": False}
            else:
                archives, who = str(directory / "archives"), [victim.identity]
                result = change(live.client, state="stopped", identities=who, signal="KILL", archive_dir=archives)
        assert result["changed"] and result["complete"] != (frozen or plainly), result
        assert plainly or account(result)
        live.client.delete("lab:orders")  # from now on each takes no time
        with sidekiq(release, live.url, directory, ["push", "pull"], _THREADS, "rescuer", env=_JOURNAL) as rescuer:
            _drain(live.client, jids, rescuer.identity)
            rescuer.signal(signal.SIGTERM)
            rescuer.process.wait(120)
        counts = Counter(_performed(live.client))
    return Balance(
        kills=1,
        jobs=len(jids),
        restored=result["restored"],
        twice=sum(1 for jid in jids if counts[jid] > 1),
        lost=sum(1 for jid in jids if not counts[jid]),
    )


def rounds(
    count: int,
    directory: pathlib.Path,
    at_once: int = 4,
    frozen: bool = False,
    tell: Callable[[int], None] = lambda _done: None,
) -> Mapping[str, Balance]:
    """So many for each release in turn, some at once; the balance of each release."""
    sums = {release.version: Balance() for release in RELEASES}

    def one(number: int) -> tuple[str, Balance]:
        release = RELEASES[number % len(RELEASES)]
        scratch = directory / f"{number}-{frozen}"
        scratch.mkdir()
        return release.version, round_(release, scratch, number, frozen)

    with ThreadPoolExecutor(at_once) as pool:
        for done, (version, balance) in enumerate(pool.map(one, range(count)), start=1):
            sums[version] += balance
            tell(done)
    return sums


def _performed(client: Any) -> list[str]:
    return [jid.decode() for jid in client.lrange("lab:performed", 0, -1)]


def _drain(client: Any, jids: list[str], identity: str) -> None:
    """Until every job has been performed, or this process has nothing left that could be.

    It has nothing left when no queue has a job, and it runs none by its second heartbeat after that. Any job that is missing
    then is lost, which the balance says.
    """
    beats: set[bytes] = set()

    def done() -> bool:
        if set(jids) <= set(_performed(client)):
            return True
        if any(client.llen("queue:" + name.decode()) for name in client.smembers("queues")):
            beats.clear()
            return False
        beat, busy = client.hmget(identity, "beat", "busy")
        beats.add(beat)
        return len(beats) > 2 and int(busy) == 0

    wait_for("every job was performed, or nothing is left to do", _PATIENCE, done)
