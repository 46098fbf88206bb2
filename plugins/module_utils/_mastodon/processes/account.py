# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What became of the jobs that ran in processes that were stopped. Every job is counted once, so that the numbers add up."""

from __future__ import annotations

import typing as t
from collections import Counter

NOT_KNOWN: t.Final = "not_known"
"""The outcome of a job that ran in a process that was stopped, and that nobody has looked for or could find out about."""

_KINDS: t.Final[t.Mapping[str, str]] = {
    "finished": "completed",  # Ansible itself reads a key of the name finished, of asynchronous tasks
    "retried": "retried",
    "pushed_back": "pushed_back",
    "restored": "restored",
    "dead": "lost",
    "dropped": "lost",
}
KEYS: t.Final = (*dict.fromkeys(_KINDS.values()), NOT_KNOWN)


def account(outcomes: t.Iterable[str]) -> dict[str, int]:
    """From the outcome of each job: how many `ran`, and of these how many were `completed`, `retried`, `pushed_back`,
    `restored` and `lost`, and of how many the outcome is `not_known`. An unknown outcome is not known."""
    counts = Counter(_KINDS.get(outcome, NOT_KNOWN) for outcome in outcomes)
    return {"ran": sum(counts.values()), **{key: counts[key] for key in KEYS}}


_WORDS: t.Final[t.Mapping[str, str]] = {
    "completed": "finished",
    "retried": "to be retried",
    "pushed_back": "pushed back by Sidekiq",
    "restored": "restored from the job archive",
    "lost": "lost",
    NOT_KNOWN: "not known",
}


def describe(account: t.Mapping[str, t.Any]) -> str:
    """An account in one line. Raises ValueError if it does not add up: such a line must not be shown."""
    counts = {key: int(account[key]) for key in KEYS}
    if int(account["ran"]) != sum(counts.values()):
        raise ValueError(f"of {account['ran']} jobs that ran, {sum(counts.values())} are accounted for")
    return f"{account['ran']} jobs ran: " + ", ".join(f"{number} {_WORDS[key]}" for key, number in counts.items())
