# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a process can be told from anywhere: a list of signals for each, of which it takes one with every heartbeat."""

from __future__ import annotations

import typing as t

from ..keys import Keys
from ..redis.batch import Batch
from ..redis.failures import of_type
from ..text import text

QUIET: t.Final = "TSTP"
STOP: t.Final = "TERM"
SECONDS: t.Final = 60
"""How long a signal waits to be taken (api.rb, `Process#signal`)."""


def send(client: t.Any, key: Keys, identity: str, signal: str) -> None:
    """Leave a signal for a process."""
    name = key(identity, "-signals")
    pipe = client.pipeline(transaction=True)
    pipe.lpush(name, signal)
    pipe.expire(name, SECONDS)
    with of_type(name, "list"):
        pipe.execute()


def pending(client: t.Any, key: Keys, identities: t.Sequence[str]) -> dict[str, list[str]]:
    """Signals that were left and not taken yet, by identity."""
    batch = Batch(client)
    asked = {identity: batch.ask("lrange", key(identity, "-signals"), 0, -1) for identity in identities}
    batch.send()
    return {identity: [text(signal) for signal in answer.get(())] for identity, answer in asked.items()}
