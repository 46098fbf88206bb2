# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""A job of ours that does nothing, to see whether a queue moves.

`LinkCrawlWorker` of all releases of Mastodon looks for the post with the id that is its argument, and returns if there is
none. No post has the id 0. A job says itself in which queue it is, so one class serves to probe every queue.
"""

from __future__ import annotations

import secrets
import time
import typing as t
from dataclasses import dataclass

from ..._sidekiq.keys import Keys
from ..._sidekiq.redis.failures import of_type
from ..._sidekiq.state.payload import pack

WORKER: t.Final = "LinkCrawlWorker"
_PAUSE: t.Final = 0.25


@dataclass
class Sent:
    """A probe. `taken`: seconds after which it was found to have left its queue."""

    queue: str
    jid: str
    raw: bytes
    ahead: int = 0
    taken: float | None = None


def new_probe(queue: str, worker: str, args: t.Sequence[t.Any], now: float, milliseconds: bool) -> Sent:
    """`now` in epoch seconds. It is tried once: if it fails, it leaves nothing behind."""
    jid = secrets.token_hex(12)
    moment: float = int(now * 1000) if milliseconds else now
    job = {
        "retry": False,
        "queue": queue,
        "dead": False,
        "args": list(args),
        "class": worker,
        "jid": jid,
        "created_at": moment,
        "enqueued_at": moment,
    }
    return Sent(queue, jid, pack(job))


def send(client: t.Any, key: Keys, probes: t.Sequence[Sent], timeout: float) -> None:
    """Puts each to the end of its queue, as Sidekiq does, until all were taken, or for so many seconds.

    Those that were not, and all if one cannot be sent, are taken back.
    """
    begun, sent = time.monotonic(), []
    try:
        for probe in probes:
            name = key.queue(probe.queue)
            with of_type(name, "list"):
                probe.ahead = int(client.lpush(name, probe.raw)) - 1
            sent.append(probe)
        while True:
            passed = time.monotonic() - begun
            waiting = [probe for probe in probes if probe.taken is None]
            for probe in waiting:
                if not _waits(client, key, probe):
                    probe.taken = passed
            if passed >= timeout or all(probe.taken is not None for probe in probes):
                break
            time.sleep(_PAUSE)
    finally:
        for probe in sent:
            if probe.taken is None and not client.lrem(key.queue(probe.queue), 1, probe.raw):
                probe.taken = time.monotonic() - begun


def _waits(client: t.Any, key: Keys, probe: Sent) -> bool:
    """LPOS is of Redis 6.0.6, which is older than what any supported Mastodon needs."""
    return client.lpos(key.queue(probe.queue), probe.raw) is not None
