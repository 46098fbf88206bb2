# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the modules for records of runs do."""

from __future__ import annotations

import getpass
import os
import socket
import time
import typing as t

from .._mastodon import run_record
from .._sidekiq.errors import BadOption
from .._sidekiq.times import iso
from .host import Host, Result

RUNS: t.Final = "~/.local/state/fediverse.mastodon/runs"

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
    "steps": {"type": "list", "elements": "dict", "default": []},
    "ended": {"type": "bool", "default": False},
    "undone": {"type": "bool", "default": False},
}
INFO_OPTIONS: t.Final = {name: OPTIONS[name] for name in ("dir", "run")}


def write(host: Host) -> Result:
    """Begin a record, or add to one."""
    options, now = host.options, time.time()
    directory = os.path.expanduser(options["dir"])
    old, name = None, options["run"]
    if name is None:
        missing = [needed for needed in ("runbook", "reason") if not (options[needed] or "").strip()]
        if missing:
            raise BadOption(f"A new record needs {' and '.join(missing)}; to add to one, set run.")
        name = run_record.new_name(options["runbook"], now)
        record = run_record.begun(name, options["runbook"], options["reason"], _who(options), socket.gethostname(), now)
    else:
        old = record = run_record.read(run_record.path_of(directory, name))
    path = run_record.path_of(directory, name)
    record = run_record.with_more(record, options)
    for mark in ("ended", "undone"):
        if options[mark] and record[f"{mark}_at"] is None:
            record = {**record, f"{mark}_at": iso(now)}
    changed = record != old
    if changed and not host.check_mode:
        run_record.write(path, record)
    return {"changed": changed, "run": name, "file": path, "record": record}


def look(host: Host) -> Result:
    """One record, or all of them, newest first."""
    directory = os.path.expanduser(host.options["dir"])
    wanted = [host.options["run"]] if host.options["run"] else run_record.names(directory)
    return {"changed": False, "records": [run_record.read(run_record.path_of(directory, name)) for name in wanted]}


def _who(options: t.Mapping[str, t.Any]) -> str:
    if options["who"]:
        return str(options["who"])
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.getuid())
