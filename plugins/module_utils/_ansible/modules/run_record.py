# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the modules for records of runs do."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import time
import typing as t

from ..._mastodon.host.atomic_file import locked
from ..._mastodon.host.container import warnings_for
from ..._mastodon.host.record_file import Record
from ..._mastodon.runbook import archives, run_record
from ..._mastodon.runbook.edits import absolute
from ..._mastodon.runbook.irreversible import irreversible
from ..._sidekiq.errors import BadOption
from ..._sidekiq.times import iso
from ..ending import Result
from ..options.run import ARCHIVES, RUNS
from ..run_host import Host

OPTIONS: t.Final = {
    "dir": {"type": "path", "default": RUNS},
    "run": {"type": "str"},
    "runbook": {"type": "str"},
    "reason": {"type": "str"},
    "who": {"type": "str"},
    "thresholds": {"type": "dict"},
    "before": {"type": "dict"},
    "after": {"type": "dict"},
    "archives": {"type": "list", "elements": "path", "default": []},
    "archive_dir": {"type": "path", "default": ARCHIVES},
    "steps": {"type": "list", "elements": "dict", "default": []},
    **{mark: {"type": "bool", "default": False} for mark in run_record.MARKS},
}
INFO_OPTIONS: t.Final = {name: OPTIONS[name] for name in ("dir", "run")}


def write(host: Host) -> Result:
    """Begin a record, or add to one."""
    options, now = host.options, time.time()
    directory = os.path.expanduser(options["dir"])
    if options["run"] is None:
        fresh = _begun(options, now)
        return _add(host, run_record.path_of(directory, fresh["run"]), None, fresh, now)
    path = run_record.path_of(directory, options["run"])
    with contextlib.nullcontext() if host.check_mode else locked(path):
        old = run_record.read(path)
        return _add(host, path, old, old, now)


def _begun(options: t.Mapping[str, t.Any], now: float) -> Record:
    missing = [needed for needed in ("runbook", "reason") if not (options[needed] or "").strip()]
    if missing:
        raise BadOption(f"A new record needs {' and '.join(missing)}; to add to one, set run.")
    name = run_record.new_name(options["runbook"], now)
    archive_dir = absolute(options["archive_dir"])
    return run_record.begun(
        name, options["runbook"], options["reason"], _who(options), socket.gethostname(), now, archive_dir
    )


def _add(host: Host, path: str, old: Record | None, record: Record, now: float) -> Result:
    record = run_record.with_more(record, host.options)
    for mark in run_record.MARKS:
        if host.options[mark] and record[f"{mark}_at"] is None:
            record = {**record, f"{mark}_at": iso(now)}
    if host.options["ended"]:
        record = run_record.with_steps_ended(record)
    changed = record != old
    if changed and not host.check_mode:
        run_record.write(path, record)
    fleeting = warnings_for(host.options["dir"], "dir", "the run record") if old is None else []
    return {"changed": changed, "run": record["run"], "file": path, "record": record, "warnings": fleeting}


def look(host: Host) -> Result:
    """One record, or all of them that can be read, newest first; those without an end with the archives that name their run."""
    directory = os.path.expanduser(host.options["dir"])
    if host.options["run"]:
        path = run_record.path_of(directory, host.options["run"])
        return {"changed": False, **_completed([run_record.read(path)]), "unreadable": []}
    records, unreadable, warnings = [], [], []
    for path in run_record.paths(directory):
        try:
            records.append(run_record.read(path))
        except BadOption as failure:
            unreadable.append(run_record.name_of(path))
            warnings.append(f"{failure} It is left out.")
    return {"changed": False, **_completed(records), "unreadable": unreadable, "warnings": warnings}


def _completed(records: list[Record]) -> Result:
    """The records, completed, and why that is not sure."""
    without_end = [record for record in records if record["ended_at"] is None and record["undone_at"] is None]
    searched = archives.search(path for record in without_end for path in archives.directories_of(record))
    unsure = [
        {"run": record["run"], "reason": reason}
        for record in without_end
        for reason in archives.why_unsure(record, searched)
    ]
    completed = [archives.completed(record, searched) if record in without_end else record for record in records]
    final = [{"run": record["run"], "what": what} for record in completed for what in irreversible(record)]
    return {"records": completed, "unsure": unsure, "irreversible": final}


def _who(options: t.Mapping[str, t.Any]) -> str:
    if options["who"]:
        return str(options["who"])
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.getuid())
