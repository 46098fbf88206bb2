# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Where a module that needs no Redis begins and ends: options in, one result or one clear error out."""

from __future__ import annotations

import os
import shlex
import tempfile
import typing as t
from dataclasses import dataclass, field

from ansible.module_utils.basic import AnsibleModule

from .._mastodon.installation.systemd.show import Runner
from .._sidekiq.errors import BadOption, SidekiqError
from . import ending
from .ending import Result
from .hints import with_hint

__all__ = ["Files", "Host", "Runner", "command_runner", "run"]


@dataclass(frozen=True)
class Host:
    """What such a module works with. `progress`: what the result of a task that fails says, too."""

    options: t.Mapping[str, t.Any]
    check_mode: bool
    run: Runner
    files: Files
    progress: Result = field(default_factory=dict)


def run(argument_spec: t.Mapping[str, t.Any], body: t.Callable[[Host], Result], **constraints: t.Any) -> None:
    """Run a module: its options, and a function from a host to a result, which holds at least `changed`."""
    module = AnsibleModule(argument_spec=dict(argument_spec), supports_check_mode=True, **constraints)
    progress: Result = {}
    try:
        result = body(Host(module.params, module.check_mode, command_runner(module), Files(module), progress))
    except SidekiqError as failure:
        ending.fail(module, with_hint(failure), progress)
    ending.succeed(module, result)


def command_runner(module: AnsibleModule) -> Runner:
    """How a module runs commands."""

    def run_command(command: list[str]) -> tuple[int, str, str]:
        code, out, err = module.run_command(command, check_rc=False, handle_exceptions=False)
        return code, out, err

    return run_command


class Files:
    """Puts a new text into the place of a file, as Ansible does: whole or not at all, owner and mode as they were."""

    def __init__(self, module: t.Any) -> None:
        self._module = module

    def stage(self, data: bytes, validate: str | None) -> str:
        """Write the text beside, and let a command judge it. Raises SidekiqError if that says no."""
        path: str
        descriptor, path = tempfile.mkstemp(dir=self._module.tmpdir)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        if validate is None:
            return path
        if "%s" not in validate:
            raise BadOption(f"validate: there must be a %s, which stands for the file, in: {validate}")
        try:
            command = [word.replace("%s", path) for word in shlex.split(validate)]
            code, out, err = self._module.run_command(command, handle_exceptions=False)
        except (OSError, ValueError) as problem:
            why = getattr(problem, "strerror", None) or problem
            raise BadOption(f"validate: {validate!r} cannot be run: {why}. The file is as it was.") from None
        if code != 0:
            said = (err or out).strip() or "nothing"
            raise SidekiqError(f"validate: the command ended with {code} and said: {said}. The file is as it was.")
        return path

    def backup(self, path: str) -> str:
        """Keep a copy beside the file, and return its name."""
        name: str = self._module.backup_local(path)
        return name

    def replace(self, staged: str, path: str) -> None:
        self._module.atomic_move(staged, path)
