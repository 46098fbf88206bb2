# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The run to which an edit belongs: its record names the archive of the edit before the first job leaves Redis.

The edit itself writes the name, in one execution of one module. So nothing that interrupts the runbook can come between the
record and the deed: an archive that the record does not name is an archive from which nothing was removed.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ..._sidekiq.errors import BadOption
from ..host.atomic_file import locked
from ..host.record_file import Record
from . import run_record


@dataclass(frozen=True)
class Run:
    """A run of a runbook, by its name. `step`: what the run calls the edit, such as quarantine."""

    directory: str
    name: str
    step: str

    @property
    def path(self) -> str:
        return run_record.path_of(self.directory, self.name)

    @property
    def header(self) -> dict[str, str]:
        """What the header of an archive says of the run."""
        return {"run": self.name, "run_step": self.step}

    def name_archive(self, path: str) -> None:
        """Put the name of an archive into the record, on the disk. Raises SidekiqError; then nothing may be removed."""
        with locked(self.path):
            record = run_record.read(self.path)
            _refuse_closed(self, record)
            step = {"did": self.step, "archive": path, "under_way": True}
            run_record.write(self.path, run_record.with_more(record, {"archives": [path], "steps": [step]}))

    def forget_archive(self, path: str) -> None:
        """Remove the name of an archive from the record, as no job was removed into it. Raises SidekiqError."""
        with locked(self.path):
            record = run_record.read(self.path)
            kept = {
                "archives": [archive for archive in record["archives"] if archive != path],
                "steps": [step for step in record["steps"] if step.get("archive") != path],
            }
            if record != {**record, **kept}:
                run_record.write(self.path, {**record, **kept})


def check_open(run: Run) -> None:
    """Raises BadOption if the record takes no more edits, or cannot be read."""
    _refuse_closed(run, run_record.read(run.path))


def absolute(path: str) -> str:
    """A path as a record names it."""
    return os.path.abspath(os.path.expanduser(path))


def _refuse_closed(run: Run, record: Record) -> None:
    over: t.Final = {
        "undone_at": "was undone",
        "closed_at": "was closed, which undo does before it restores jobs",
        "ended_at": "has ended",
    }
    for key, what in over.items():
        if record[key] is not None:
            raise BadOption(
                f"run: the run {run.name} {what} at {record[key]}, and takes no more edits. Nothing was changed."
                " Start the runbook again: that makes a new run."
            )
