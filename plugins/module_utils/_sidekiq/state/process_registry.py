# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The registry of processes: taking out of it those that are gone."""

from __future__ import annotations

import typing as t

from ..keys import PROCESSES, Keys
from ..text import text

# KEYS: registry, then the hash of a process; ARGV: its identity
_PRUNE: t.Final = """
if redis.call('TYPE', KEYS[2]).ok == 'hash' and redis.call('HEXISTS', KEYS[2], 'info') == 1 then return 0 end
return redis.call('SREM', KEYS[1], ARGV[1])
"""


def prune(client: t.Any, key: Keys, identities: t.Iterable[str]) -> list[str]:
    """Remove those whose heartbeat has expired, and return which; one that beats again meanwhile stays."""
    script = client.register_script(_PRUNE)
    wanted, removed = set(identities), []
    for name in client.smembers(key(PROCESSES)) if wanted else ():  # what is shown of a name may not be its bytes
        if text(name) in wanted and script([key(PROCESSES), key(name)], [name]):
            removed.append(text(name))
    return removed


def sign_off(pipe: t.Any, key: Keys, identity: str) -> None:
    """Add to a pipeline what a process does that ends by itself (launcher.rb, `clear_heartbeat`), for one that could not."""
    pipe.srem(key(PROCESSES), identity)
    pipe.unlink(key(identity, ":work"), key(identity, ":workers"), key(identity))
