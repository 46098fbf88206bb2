# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold when an edit was killed: where every job is, and that the work and its undoing come to their end."""

from __future__ import annotations

import collections
import pathlib
from typing import Any

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive import Archive, Entry, has_bit
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import BadOption
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.take import LIFTED, RESTORED, TAKEN
from ansible_collections.fediverse.mastodon.tests.conformance import storm, victim

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
    """An instance that was just filled, an edit of it, and its archives."""

    def __init__(
        self, socket: pathlib.Path, client: Any, directory: pathlib.Path, state: str, size: int = 60, seed: int = 3
    ) -> None:
        self._client, self._socket, self._directory = client, socket, directory
        self.before = storm.fill(client, seed, size, size // 6)
        self.task = victim.Task(socket, {"state": state, "archive_dir": str(directory), **STATES[state]})

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
        return victim.Task(self._socket, {"path": path})

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

    def check_books(self) -> None:
        """Every job is in its place, or where it should go, or in an archive as taken; none in two of them."""
        after = storm.look(self._client)
        there = collections.Counter(storm.jid(entry.raw) for entry in self.entries_out())
        for members in [*after.queues.values(), *after.sets.values()]:
            there.update(map(storm.jid, members))
        expected = collections.Counter(self.before.jids())
        assert not expected - there, f"{len(expected - there)} are lost"
        assert not there - expected, f"{len(there - expected)} are there twice"

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
