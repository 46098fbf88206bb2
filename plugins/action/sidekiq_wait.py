# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows how far a wait is: lets the module look again and again, and waits on the controller."""

from __future__ import annotations

import os
import time
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils import color
from ansible.utils.display import Display

from ..module_utils._ansible.modules.sidekiq_wait import spans
from ..module_utils._mastodon.processes.wait_progress import Judge, Progress, too_late
from ..module_utils._sidekiq.errors import BadOption

MODULE: t.Final = "fediverse.mastodon.sidekiq_wait"
QUIET: t.Final = 30.0
"""Seconds between two lines where there is no terminal."""

_DEFAULTS = {"timeout": "10m", "interval": "5s"}

Result = dict[str, t.Any]


class ActionModule(ActionBase):
    """See the module of the same name, which documents it."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        self._finished: Result = super().run(tmp, task_vars)
        variables = task_vars or {}
        if self._task.check_mode:
            return self._look(variables)
        options: Result = {**_DEFAULTS, **{k: v for k, v in self._task.args.items() if v is not None}}
        try:
            timeout, interval = spans(options)
        except BadOption as problem:
            return {"failed": True, "msg": str(problem)}
        teller = Teller(variables)
        try:
            return self._wait(variables, timeout, interval, teller)
        finally:
            teller.end()

    def _wait(self, variables: Result, timeout: float, interval: float, teller: Teller) -> Result:
        began, progress, judge, waited = time.monotonic(), Progress(), Judge(), False
        while True:
            looked = time.monotonic()
            result = self._look(variables)
            if result.get("failed") or result.get("skipped") or "conditions" not in result:
                return result
            ended = time.monotonic()
            elapsed = ended - began
            result["conditions"] = judge.judge(result["conditions"], result["heartbeats"], looked, ended)
            result["met"] = all(one["met"] for one in result["conditions"])
            progress.add(elapsed, result["conditions"])
            result.update(would_wait=waited, elapsed=round(elapsed, 3))
            if result["met"]:
                teller.last(progress, elapsed, waited)
                return result
            if elapsed >= timeout:
                return {**result, "failed": True, "msg": too_late(progress, elapsed)}
            teller.tell(progress, elapsed)
            waited = True
            time.sleep(min(interval, max(0.0, timeout - elapsed)))

    def _look(self, variables: Result) -> Result:
        """Once, which is what the module does in check mode."""
        before, self._task.check_mode = self._task.check_mode, True
        try:
            found: Result = self._execute_module(module_name=MODULE, task_vars=variables)
        finally:
            self._task.check_mode = before
        return found


class Teller:
    """Says how far it is: a bar that is drawn again and again, or now and then a line."""

    def __init__(self, variables: t.Mapping[str, t.Any]) -> None:
        self._display = Display()
        self._host = str(variables.get("inventory_hostname", ""))
        alone = len(variables.get("ansible_play_hosts", ())) <= 1
        self._bar = alone and not os.environ.get("CI") and is_terminal()
        self._said: float | None = None
        self._open = False

    def tell(self, progress: Progress, elapsed: float) -> None:
        if self._bar:
            width = getattr(self._display, "columns", None) or 79
            text = progress.drawn(elapsed, width - 1)
            self._display.display(f"\r{text:<{width - 1}}", newline=False, screen_only=True)
            self._open = True
        elif self._said is None or elapsed - self._said >= QUIET:
            self._display.display(f"{self._host}: {progress.line(elapsed)}")
            self._said = elapsed

    def last(self, progress: Progress, elapsed: float, waited: bool) -> None:
        """Of a wait that ended well; one that never began says nothing."""
        if self._bar and waited:
            self.tell(progress, elapsed)
        elif waited:
            self._display.display(f"{self._host}: {progress.line(elapsed)}")

    def end(self) -> None:
        if self._open:
            self._display.display("", screen_only=True)
            self._open = False


def is_terminal() -> bool:
    """Whether the output of ansible-playbook is a terminal; that of its workers never is."""
    try:
        stdout = os.open(f"/proc/{os.getppid()}/fd/1", os.O_WRONLY | os.O_NOCTTY)
    except OSError:
        return bool(color.ANSIBLE_COLOR)
    try:
        return os.isatty(stdout)
    finally:
        os.close(stdout)
