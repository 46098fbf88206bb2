# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes how long each task of a play took and where it ran, as seen by the controller, into the file named by DURATIONS_FILE."""

from __future__ import annotations

import json
import os
import time
import typing as t

from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import action_loader

DOCUMENTATION = """
name: durations
type: aggregate
short_description: Durations of tasks as JSON
description: For the benchmarks of this collection.
"""

_ON_CONTROLLER = ("localhost", "127.0.0.1", "::1")


class CallbackModule(CallbackBase):
    """One entry for each result: name of the task, seconds since the task began, what it printed, and how often it ran on the host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "durations"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._play_began = time.monotonic()
        self._results: list[dict[str, t.Any]] = []
        self._skipped = 0

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._name = task.get_name()
        self._began = time.monotonic()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        seconds = time.monotonic() - self._began
        answer = result._result
        self._results.append(
            {
                "name": self._name,
                "seconds": seconds,
                "stdout": answer.get("stdout"),
                "on_host": _times_on_host(result._task, answer),
            }
        )

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._skipped += 1

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        durations = {"play": time.monotonic() - self._play_began, "skipped": self._skipped, "tasks": self._results}
        with open(os.environ["DURATIONS_FILE"], "w", encoding="utf-8") as file:
            json.dump(durations, file)


def _times_on_host(task: t.Any, answer: t.Mapping[str, t.Any]) -> int:
    """How often the task ran on the host: once for each item of its loop, never if it needs no connection or is delegated."""
    if isinstance(task, TaskInclude) or task.delegate_to in _ON_CONTROLLER:
        return 0
    action = action_loader.get(task.resolved_action or task.action, class_only=True)
    if not getattr(action, "_requires_connection", True):
        return 0
    items = answer.get("results")
    if task.loop is None or not isinstance(items, list):
        return 1
    return sum(1 for item in items if not item.get("skipped"))
