# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The one place where a module begins and ends: options in, one connection, one result or one clear error out."""

from __future__ import annotations

import gc
import os
import typing as t
from dataclasses import dataclass, field

from ansible.module_utils.basic import AnsibleModule

from .._sidekiq.errors import BadOption, SidekiqError
from .._sidekiq.keys import Keys
from .._sidekiq.redis.connection import connect, describe, translate_errors
from .._sidekiq.redis.settings import ConnectionSettings
from .._sidekiq.state.snapshot import Snapshot
from . import ending
from .ending import Result
from .hints import with_hint
from .options.connection import WAYS, connection_argument_spec, settings_from_options
from .run_host import Runner, command_runner


def no_command(command: list[str]) -> tuple[int, str, str]:
    """Runs nothing, as on a host without the command."""
    raise FileNotFoundError(command[0])


@dataclass(frozen=True)
class Session:
    """What a module works with. `client` returns bytes; `server` names Redis without its password.

    `progress`: what was done so far, for the result of a task that fails half way. `run`: runs a command of the host.
    """

    client: t.Any
    key: Keys
    options: t.Mapping[str, t.Any]
    check_mode: bool
    server: str
    progress: Result = field(default_factory=dict)
    run: Runner = no_command


def run(argument_spec: t.Mapping[str, t.Any], body: t.Callable[[Session], Result], **constraints: t.Any) -> None:
    """Run a module: its own options beside those of the connection, and a function from a session to a result.

    A result holds at least `changed`. Every failure that a user can cause is a SidekiqError and ends as its sentence.
    `constraints` are those of AnsibleModule, such as `required_one_of`.
    """
    module = AnsibleModule(
        argument_spec={**connection_argument_spec(), **argument_spec},
        supports_check_mode=True,
        **constraints,
    )
    gc.freeze()  # what is loaded by now stays, and need not be looked at again
    progress: Result = {}
    try:
        run_command = command_runner(module)
        settings, warnings = settings_from_options(module.params, run=run_command, environ=os.environ)
        _keep_secret(module, settings.secrets)
        for warning in warnings:
            ending.warn(module, warning)
        with translate_errors(settings):
            client, key = connect(settings), Keys(settings.key_prefix)
            server = describe(settings)
            result = body(Session(client, key, module.params, module.check_mode, server, progress, run_command))
    except SidekiqError as failure:
        ending.fail(module, " ".join([with_hint(failure), *_so_far(progress)]), progress)
    ending.succeed(module, result)


@dataclass(frozen=True)
class Here:
    """What a module works with that reads a host and needs Redis only for a part of it.

    `settings` is None where nothing says which Redis it is; `problem` says why.
    """

    options: t.Mapping[str, t.Any]
    run: Runner
    settings: ConnectionSettings | None
    problem: str | None


def run_here(
    argument_spec: t.Mapping[str, t.Any],
    body: t.Callable[[Here], Result],
    locate: t.Callable[[t.Mapping[str, t.Any], Runner], t.Mapping[str, t.Any]],
) -> None:
    """Run a module that answers without Redis, too. An option that cannot be used is a failure all the same.

    `locate`: the options that the host itself says better, such as where Mastodon is.
    """
    module = AnsibleModule(argument_spec={**connection_argument_spec(), **argument_spec}, supports_check_mode=True)
    settings, problem = None, None
    warnings: list[str] = []
    try:
        run_command = command_runner(module)
        options = {**module.params, **locate(module.params, run_command)}
        try:
            settings, warnings = settings_from_options(options, run=run_command, environ=os.environ)
            _keep_secret(module, settings.secrets)
        except BadOption as failure:
            if any(options.get(name) for name in WAYS):
                raise
            problem = with_hint(failure)
        result = body(Here(options, run_command, settings, problem))
    except SidekiqError as failure:
        ending.fail(module, with_hint(failure), {})
    result["warnings"] = [*warnings, *result.get("warnings", ())]
    ending.succeed(module, result)


def _so_far(progress: Result) -> t.Iterator[str]:
    if progress.get("archive"):
        yield (
            f"So far {progress['edited']} jobs were edited; all are in {progress['archive']}."
            " Run the task again to end the work, or put them back with fediverse.mastodon.sidekiq_archive."
        )


def refuse_unwritable(snapshot: Snapshot, session: Session) -> None:
    """Raises SidekiqError if this Redis takes no writes; the snapshot must have its server."""
    server = snapshot.server
    if server and server.role == "slave":
        raise SidekiqError(
            f"Redis at {session.server} is a replica and takes no writes. Point the task at the master (redis-cli INFO replication names it)."
        )
    if server and server.loading:
        raise SidekiqError(f"Redis at {session.server} is loading its data from disk. Run again when it has finished.")


def _keep_secret(module: AnsibleModule, secrets: t.Collection[str]) -> None:
    """Passwords that no option carries (found in a URL or in Mastodon's files) must not show up in a result either."""
    module.no_log_values.update(secrets)
    try:
        from ansible.module_utils.secrets import register_secrets  # ansible-core 2.22 and newer
    except ImportError:
        return
    register_secrets(secrets)
