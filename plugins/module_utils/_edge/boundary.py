# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The one place where a module begins and ends: options in, one connection, one result or one clear error out."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule

from .._sidekiq.connection import connect, describe, translate_errors
from .._sidekiq.errors import SidekiqError
from .._sidekiq.keys import Keys
from .connection import connection_argument_spec, settings_from_options

Result = dict[str, t.Any]


@dataclass(frozen=True)
class Session:
    """What a module works with. C(client) returns bytes; C(server) names Redis without its password."""

    client: t.Any
    key: Keys
    options: t.Mapping[str, t.Any]
    check_mode: bool
    server: str


def run(argument_spec: t.Mapping[str, t.Any], body: t.Callable[[Session], Result], **constraints: t.Any) -> None:
    """Run a module: its own options beside those of the connection, and a function from a session to a result.

    A result holds at least C(changed). Every failure that a user can cause is a SidekiqError and ends as its sentence.
    C(constraints) are those of AnsibleModule, such as C(required_one_of).
    """
    module = AnsibleModule(
        argument_spec={**connection_argument_spec(), **argument_spec},
        supports_check_mode=True,
        **constraints,
    )
    try:
        settings, warnings = settings_from_options(module.params, run=_runner(module), environ=os.environ)
        _keep_secret(module, settings.secrets)
        for warning in warnings:
            module.warn(warning)
        with translate_errors(settings):
            session = Session(
                connect(settings), Keys(settings.key_prefix), module.params, module.check_mode, describe(settings)
            )
            result = body(session)
    except SidekiqError as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


def _runner(module: AnsibleModule) -> t.Callable[[list[str]], tuple[int, str, str]]:
    def run_command(command: list[str]) -> tuple[int, str, str]:
        code, out, err = module.run_command(command, check_rc=False, handle_exceptions=True)
        return code, out, err

    return run_command


def _keep_secret(module: AnsibleModule, secrets: t.Collection[str]) -> None:
    """Passwords that no option carries (found in a URL or in Mastodon's files) must not show up in a result either."""
    module.no_log_values.update(secrets)
    try:
        from ansible.module_utils.secrets import register_secrets  # ansible-core 2.22 and newer
    except ImportError:
        return
    register_secrets(secrets)
