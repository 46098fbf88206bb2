# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls what the reading modules do with a client of a real Redis, without a module around it."""

from __future__ import annotations

from typing import Any

import redis
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_info
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.options.connection import (
    connection_argument_spec,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.run_redis import Session
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.keys import Keys


def info(client: redis.Redis, prefix: str = "", **options: Any) -> dict[str, Any]:
    """What sidekiq_info returns, with all its sections unless others are asked for."""
    return sidekiq_info.info(
        _session(client, prefix, sidekiq_info.INFO_OPTIONS, {"sections": list(sidekiq_info.SECTIONS), **options})
    )


def health(client: redis.Redis, prefix: str = "", **options: Any) -> dict[str, Any]:
    """What sidekiq_health_info returns."""
    return sidekiq_info.health(_session(client, prefix, sidekiq_info.HEALTH_OPTIONS, options))


def _session(client: redis.Redis, prefix: str, spec: Any, options: dict[str, Any]) -> Session:
    checked = ArgumentSpecValidator({**connection_argument_spec(), **spec}).validate(options)
    if checked.error_messages:
        raise AssertionError(checked.error_messages)
    return Session(client, Keys(prefix), checked.validated_parameters, False, "a test")
