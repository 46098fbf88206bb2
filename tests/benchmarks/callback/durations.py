# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes how long each task of a play took, as seen by the controller, into the file named by DURATIONS_FILE."""

from __future__ import annotations

import json
import os
import time
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: durations
type: aggregate
short_description: Durations of tasks as JSON
description: For the benchmarks of this collection.
"""


class CallbackModule(CallbackBase):
    """One entry for each result: name of the task, seconds since the task began, and what it printed."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "durations"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._play_began = time.monotonic()
        self._results: list[dict[str, t.Any]] = []

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._name = task.get_name()
        self._began = time.monotonic()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        seconds = time.monotonic() - self._began
        self._results.append({"name": self._name, "seconds": seconds, "stdout": result._result.get("stdout")})

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        durations = {"play": time.monotonic() - self._play_began, "tasks": self._results}
        with open(os.environ["DURATIONS_FILE"], "w", encoding="utf-8") as file:
            json.dump(durations, file)
