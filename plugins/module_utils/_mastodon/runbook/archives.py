# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The archives of runs that were interrupted, found by the name of the run in the headers of the archives."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from ..._sidekiq.archive.reader import Archive, read_header
from ..._sidekiq.errors import BadOption
from ..host.record_file import Record
from . import run_record

_SUFFIX: t.Final = ".jsonl.gz"


@dataclass
class Search:
    """`found`: run -> creation time, path and step of its whole archives, oldest first; `unreadable`: directory -> why."""

    found: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def search(directories: t.Iterable[str]) -> Search:
    """Read the headers of all archives in these directories.

    An archive without a seal is left out: nothing leaves Redis before the seal is on the disk.
    """
    done = Search()
    for directory in dict.fromkeys(directories):
        try:
            names = sorted(os.listdir(directory))
        except FileNotFoundError:
            continue
        except OSError as problem:
            done.unreadable[directory] = problem.strerror or "unknown error"
            continue
        for name in names:
            if name.endswith(_SUFFIX):
                _read(done, os.path.join(directory, name))
    for archives in done.found.values():
        archives.sort()
    return done


def directories_of(record: Record) -> list[str]:
    """Where the archives of a run are."""
    named = [os.path.dirname(path) for path in record["archives"]]
    return list(dict.fromkeys([*record["archive_dirs"], *named]))


def completed(record: Record, searched: Search) -> Record:
    """The record with the archives that name its run and that it does not name itself."""
    named = {os.path.realpath(path) for path in record["archives"]}
    for _created_at, path, step in searched.found.get(record["run"], ()):
        if os.path.realpath(path) not in named:
            more = {"archives": [path], "steps": [{"did": step, "archive": path, "under_way": True}]}
            record = run_record.with_more(record, more)
    return record


def why_unsure(record: Record, searched: Search) -> list[str]:
    """Why it cannot be told which archives a run without an end has; in sentences, none if it can."""
    return [
        f"The archive directory {directory} cannot be read: {searched.unreadable[directory]}."
        for directory in directories_of(record)
        if directory in searched.unreadable
    ]


def _read(done: Search, path: str) -> None:
    try:
        header = read_header(path)
        if header.run:
            Archive(path)
    except BadOption:
        return
    if header.run:
        done.found.setdefault(header.run, []).append((header.created_at, path, header.run_step))
