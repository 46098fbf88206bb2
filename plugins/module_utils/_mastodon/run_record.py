# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The record of a run of a runbook: a file of JSON, mode 0600, that says who did what, when and why, and how to undo it.

It names archives, which hold the jobs; it holds no job itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import tempfile
import typing as t

from .._sidekiq.errors import BadOption, SidekiqError
from .._sidekiq.times import iso

FORMAT: t.Final = "fediverse.mastodon run"
VERSION: t.Final = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
Record = dict[str, t.Any]


def new_name(runbook: str, now: float) -> str:
    """A name that sorts by time. C(now) in epoch seconds."""
    stamp = (iso(now) or "").replace(":", "").replace("-", "")
    return f"{stamp}-{runbook}-{secrets.token_hex(3)}"


def begun(name: str, runbook: str, reason: str, who: str, host: str, now: float) -> Record:
    """A record of which nothing is known yet but its beginning."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "run": name,
        "runbook": runbook,
        "reason": reason,
        "who": who,
        "host": host,
        "begun_at": iso(now),
        "ended_at": None,
        "undone_at": None,
        "thresholds": {},
        "before": {},
        "after": {},
        "archives": [],
        "steps": [],
    }


def with_more(record: Record, more: t.Mapping[str, t.Any]) -> Record:
    """The record with archives and steps appended that it does not have yet, and other values in the place of the old ones."""
    lists = {
        name: [*record[name], *(entry for entry in more.get(name) or () if entry not in record[name])]
        for name in ("archives", "steps")
    }
    values = {name: more[name] for name in ("thresholds", "before", "after") if more.get(name) is not None}
    return {**record, **values, **lists}


def path_of(directory: str, name: str) -> str:
    """Raises BadOption for what is no name of a run."""
    if not _NAME.fullmatch(name):
        raise BadOption(
            f"run: {name!r} is no name of a run; playbooks print it at their end, such as 20261122T070556Z-export_rescue-1a2b3c."
        )
    return os.path.join(directory, f"{name}.json")


def read(path: str) -> Record:
    """Raises BadOption if there is no such record, or if it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        raise BadOption(
            f"There is no record {path}. fediverse.mastodon.run_record_info lists those of this host."
        ) from None
    except OSError as problem:
        raise BadOption(f"The record {path} cannot be read: {problem.strerror}.") from None
    except ValueError:
        raise BadOption(f"{path} is no record of a run: it is no JSON.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("version") != VERSION:
        raise BadOption(f"{path} is no record of a run of this release.")
    if not all(isinstance(found.get(name), list) for name in ("archives", "steps")):
        raise BadOption(f"The record {path} is damaged: it has no list of archives.")
    return found


def write(path: str, record: Record) -> None:
    """Whole or not at all. Raises SidekiqError if there is no room."""
    directory = os.path.dirname(path)
    staged = None
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        descriptor, staged = tempfile.mkstemp(dir=directory)  # mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1, sort_keys=True, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(staged, path)
    except OSError as problem:
        if staged is not None:
            with contextlib.suppress(OSError):
                os.unlink(staged)
        raise SidekiqError(
            f"The record {path} cannot be written: {problem.strerror}. Set dir to a directory with space."
        ) from None


def names(directory: str) -> list[str]:
    """The runs of which there are records, newest first."""
    try:
        found = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise BadOption(f"dir: {directory} cannot be read: {problem.strerror}.") from None
    return sorted((name[: -len(".json")] for name in found if name.endswith(".json")), reverse=True)
