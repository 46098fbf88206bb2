# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The record of a run of a runbook: a file of JSON, mode 0600, that says who did what, when and why, and how to undo it.

It names archives, which hold the jobs; it holds no job itself.
"""

from __future__ import annotations

import os
import re
import secrets
import typing as t

from ..._sidekiq.errors import BadOption
from ..._sidekiq.times import file_stamp, iso
from ..host.record_file import Kind, Record

_KIND: t.Final = Kind(
    "run record",
    "fediverse.mastodon run",
    1,
    "fediverse.mastodon.run_record_info lists the run records of this host.",
    "dir",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_RUNBOOK = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_KINDS: t.Final = (
    (str, ("run", "runbook", "reason", "who", "host", "begun_at")),
    (dict, ("thresholds", "before", "after")),
    (list, ("archives", "archive_dirs", "steps")),
)
MARKS: t.Final = ("ended", "closed", "undone")
"""What happens to a record at some moment, which its key says: `ended_at`."""
_MOMENTS: t.Final = tuple(f"{mark}_at" for mark in MARKS)
_ELEMENTS: t.Final = {"archives": str, "archive_dirs": str, "steps": dict}


def new_name(runbook: str, now: float) -> str:
    """A name that sorts by time. `now` in epoch seconds. Raises BadOption for what cannot be a part of one."""
    if not _RUNBOOK.fullmatch(runbook):
        raise BadOption(f"runbook: {runbook!r} must be up to 100 letters, digits and the signs _ . and -.")
    return f"{file_stamp(now)}-{runbook}-{secrets.token_hex(3)}"


def begun(name: str, runbook: str, reason: str, who: str, host: str, now: float, archive_dir: str) -> Record:
    """A record of which nothing is known yet but its beginning. `archive_dir`: where the archives of the run will be."""
    return _KIND.begin(
        {
            "run": name,
            "runbook": runbook,
            "reason": reason,
            "who": who,
            "host": host,
            "begun_at": iso(now),
            **dict.fromkeys(_MOMENTS),
            "thresholds": {},
            "before": {},
            "after": {},
            "archives": [],
            "archive_dirs": [archive_dir],
            "steps": [],
        }
    )


def with_more(record: Record, more: t.Mapping[str, t.Any]) -> Record:
    """The record with archives and steps appended that it does not have yet, and other values in the place of the old ones.

    A step that was begun (`under_way`) gives way to the same step as it ended.
    """
    ended = [_identity(step) for step in more.get("steps") or ()]
    begun_steps = [step for step in record["steps"] if not (step.get("under_way") and _identity(step) in ended)]
    lists = {
        name: [*old, *(entry for entry in more.get(name) or () if entry not in old)]
        for name, old in (("archives", record["archives"]), ("steps", begun_steps))
    }
    values = {name: more[name] for name in ("thresholds", "before", "after") if more.get(name) is not None}
    return {**record, **values, **lists}


def _identity(step: t.Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    """What tells a step from others of the same run."""
    return step.get("did"), step.get("archive"), step.get("domain"), step.get("account")


def with_steps_ended(record: Record) -> Record:
    """The record of a run that came to its end: no edit is under way any more."""
    steps = [{name: value for name, value in step.items() if name != "under_way"} for step in record["steps"]]
    return {**record, "steps": steps}


def path_of(directory: str, name: str) -> str:
    """Raises BadOption for what is no name of a run."""
    if not _NAME.fullmatch(name):
        raise BadOption(
            f"run: {name!r} is no name of a run; playbooks print it at their end, such as 20261122T070556Z-export_rescue-1a2b3c."
        )
    return os.path.join(directory, f"{name}.json")


def name_of(path: str) -> str:
    """The run of which this file is the record."""
    return os.path.basename(path)[: -len(".json")]


def read(path: str) -> Record:
    """Raises BadOption if there is no such record, or if it is none."""
    record = _KIND.read(path)
    wrong = _wrong(record, name_of(path))
    if wrong:
        raise _KIND.damaged(path, wrong)
    return record


def _wrong(record: Record, name: str) -> list[str]:
    """The keys that do not say what a record of this run says."""
    wrong = [key for kind, keys in _KINDS for key in keys if not isinstance(record.get(key), kind)]
    wrong += [key for key in _MOMENTS if key not in record or not isinstance(record[key] or "", str)]
    if wrong:
        return wrong
    wrong = [key for key, kind in _ELEMENTS.items() if not all(isinstance(item, kind) for item in record[key])]
    return wrong if record["run"] == name else ["run", *wrong]


def write(path: str, record: Record) -> None:
    """Raises SidekiqError, for example if there is no room."""
    _KIND.write(path, record)


def paths(directory: str) -> list[str]:
    """The files that may be records, those of the newest runs first."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise BadOption(f"dir: {directory} cannot be read: {problem.strerror}.") from None
    return [os.path.join(directory, name) for name in sorted(names, reverse=True) if name.endswith(".json")]
