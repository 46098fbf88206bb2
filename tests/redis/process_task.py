# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sidekiq_process with a client of a real Redis, without a module around it."""

from __future__ import annotations

import functools
from typing import Any
from unittest import mock

import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_process
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.state.snapshot import read_snapshot
from ansible_collections.fediverse.mastodon.tests.redis.intents import module_options


def change(
    client: redis.Redis,
    check_mode: bool = False,
    prefix: str = "",
    clock: float | None = None,
    progress: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The result of sidekiq_process. With `clock` it sees what there was at that time (epoch seconds).

    `progress`: takes what the result of a task that fails says, too.
    """
    given = module_options(sidekiq_process.OPTIONS, options)
    session = Session(client, Keys(prefix), given, check_mode, "test", {} if progress is None else progress)
    if clock is None:
        return sidekiq_process.change_processes(session)
    with mock.patch.object(sidekiq_process, "read_snapshot", functools.partial(read_snapshot, clock=clock)):
        return sidekiq_process.change_processes(session)
