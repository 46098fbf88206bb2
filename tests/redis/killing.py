# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold when an edit was killed: where every job is, and that the work and its undoing come to their end."""

from __future__ import annotations

import pathlib
import random
from dataclasses import dataclass
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.format import Entry
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.reader import Archive
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.bitmap import has_bit
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.edit.extract import LIFTED, RESTORED, TAKEN
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.tests.redis import storm, victim

PUSHES, CRAWLS, BACKUPS = storm.CLASSES
STATES: dict[str, dict[str, Any]] = {
    "absent": {"classes": [PUSHES, CRAWLS]},
    "dead": {"classes": [CRAWLS]},
    "moved": {"classes": [PUSHES], "to_queue": "slow"},
    "enqueued": {"sets": ["retry", "scheduled", "dead"], "classes": [CRAWLS]},
    "rescheduled": {"classes": [BACKUPS], "at": "2040-01-01"},
    "unique": {"all": True},
}


class Round:
    """An instance that was just filled, an edit of it, and its archives. `size`: jobs in the largest queue."""

    def __init__(
        self, url: str, client: Any, directory: pathlib.Path, state: str, size: int = 60, seed: int = 3
    ) -> None:
        self._client, self._url, self._directory = client, url, directory
        self.before = storm.fill(client, seed, size, size // 6)
        self.task = victim.Task(url, {"state": state, "archive_dir": str(directory), **STATES[state]})

    def archives(self) -> list[str]:
        """Those that are whole, the last first."""
        found = []
        for path in sorted(self._directory.glob("*.gz"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
            try:
                Archive(str(path))
            except BadOption:
                continue
            found.append(str(path))
        return found

    def undoing(self, path: str) -> victim.Task:
        return victim.Task(self._url, {"path": path})

    def entries_out(self) -> list[Entry]:
        """The jobs that are nowhere but in an archive."""
        found = []
        for path in self.archives():
            archive = Archive(path)
            bits = [self._client.get(name + archive.header.id) or b"" for name in (TAKEN, RESTORED, LIFTED)]
            taken = bits[0] if archive.taken is None else archive.taken
            for number, entry in archive.entries():
                went = bool(entry.to) and not has_bit(bits[2], number)
                if has_bit(taken, number) and not has_bit(bits[1], number) and not went:
                    found.append(entry)
        return found

    def taken(self) -> int:
        """How many jobs the archives say were taken out."""
        found = 0
        for path in self.archives():
            archive = Archive(path)
            taken = self._client.get(TAKEN + archive.header.id) if archive.taken is None else archive.taken
            found += sum(has_bit(taken or b"", number) for number in range(archive.count))
        return found

    def balance(self, books: storm.Books) -> tuple[int, int]:
        """How many jobs are lost and how many are there twice.

        Every job must be in its place, or where it should go, or in an archive as taken, and none in two of them.
        """
        out = [storm.jid(entry.raw) for entry in self.entries_out()]
        return storm.balance(self.before, books, storm.look(self._client), out)

    def check_books(self) -> None:
        assert self.balance(storm.Books()) == (0, 0)

    def run_again(self) -> None:
        """Ends the work: a third run finds nothing to do."""
        self.task.run()
        self.check_books()
        again = self.task.run()
        assert (again["changed"], again["edited"], again["archive"]) == (False, 0, None)

    def restore_all(self) -> None:
        for path in self.archives():
            self.undoing(path).run()
            self.check_books()

    def check_beginning(self) -> None:
        """All is as it was, in the same order; of ours there are bitmaps alone."""
        after = storm.look(self._client)
        queues = {name: members for name, members in self.before.queues.items() if members}
        assert after.queues == queues
        assert after.sets == self.before.sets
        assert not self._client.keys("fediverse.mastodon:turn:*")


@dataclass
class Storm:
    """What happened in a number of rounds."""

    rounds: int = 0
    kills: int = 0
    jobs: int = 0
    produced: int = 0
    consumed: int = 0
    edited: int = 0
    lost: int = 0
    twice: int = 0


class Usual:
    """How long an edit and its undoing usually take, in seconds; learned from those that were not killed."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, bool], float] = {}

    def moment(self, task: victim.Task, chance: random.Random) -> float:
        """Some moment from the beginning to shortly after the usual end."""
        return chance.random() * 1.1 * self._seconds.get(self._name(task), 0.5)

    def learn(self, task: victim.Task, end: victim.End) -> None:
        if end.result is not None:
            self._seconds[self._name(task)] = end.seconds

    @staticmethod
    def _name(task: victim.Task) -> tuple[str, bool]:
        return str(task.options.get("state", "")), "path" in task.options


def storm_round(
    url: str, client: Any, directory: pathlib.Path, state: str, size: int, seed: int, usual: Usual, found: Storm
) -> None:
    """Kill an edit at some moment and run it again, kill its undoing and run that again, while all others go on."""
    chance = random.Random(seed)
    fight = Round(url, client, directory, state, size, seed)

    def attack(task: victim.Task) -> None:
        end = victim.run(task, after=usual.moment(task, chance))
        found.kills += end.result is None
        end = victim.run(task)
        usual.learn(task, end)
        assert end.result is not None

    with storm.others(url, seed) as books:
        attack(fight.task)
        found.edited += fight.taken()
        for path in fight.archives():
            attack(fight.undoing(path))
    lost, twice = fight.balance(books)
    found.lost += lost
    found.twice += twice
    assert not fight.entries_out(), "an archive was not put back as a whole"
    assert not client.keys("fediverse.mastodon:turn:*")
    found.rounds += 1
    found.jobs += sum(1 for _jid in fight.before.jids())
    found.produced += len(books.produced)
    found.consumed += len(books.consumed)
