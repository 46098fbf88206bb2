# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The options by which a module that edits belongs to a run of a runbook, and the directories that all of them know."""

from __future__ import annotations

import os
import typing as t

from ..._mastodon.runbook.edits import Run, check_open
from ..._sidekiq.errors import BadOption

ARCHIVES: t.Final = "~/.local/state/fediverse.mastodon/archives"
RUNS: t.Final = "~/.local/state/fediverse.mastodon/runs"

RUN_OPTIONS: t.Final = {
    "run": {"type": "str"},
    "runs_dir": {"type": "path", "default": RUNS},
    "run_step": {"type": "str"},
}


def run_of(options: t.Mapping[str, t.Any], check_mode: bool) -> Run | None:
    """The run to which the task belongs, if any. Raises BadOption if its record takes no more edits."""
    if options["run"] is None:
        if options["run_step"] is not None:
            raise BadOption("run_step belongs to run, the name of a run.")
        return None
    run = Run(os.path.expanduser(options["runs_dir"]), options["run"], options["run_step"] or options["state"])
    if not check_mode:  # in check mode a runbook writes no record
        check_open(run)
    return run
