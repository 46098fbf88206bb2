# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""From Mastodon's variables to the Redis they mean, by the rules of the release (traps included).

Sources: lib/mastodon/redis_config.rb up to 4.2, lib/mastodon/redis_configuration.rb from 4.3 on,
config/initializers/deprecations.rb from 4.4 on. Nothing here touches a file or a server.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..._sidekiq.redis.settings import ConnectionSettings
from ..._sidekiq.redis.url import Dialect
from .redis_by_release import new_rules, old_rules
from .release import Release
from .variables import Variables

_PARTS: t.Final = ("HOST", "PORT", "DB", "USER", "PASSWORD", "SENTINELS", "SENTINEL_MASTER")
RELEVANT: t.Final = tuple(f"{prefix}REDIS_{part}" for prefix in ("SIDEKIQ_", "") for part in ("URL", *_PARTS))
"""The variables that can say where Sidekiq's Redis is."""

Found = tuple[ConnectionSettings, tuple[str, ...]]
"""Settings, and warnings for the user."""

# The first releases with new rules, with Sidekiq on redis-client (4.4), and with redis-rb 5 for the rest (4.6).
_NEW_RULES = (4, 3)
_SIDEKIQ_ON_REDIS_CLIENT = (4, 4)
_BASE_ON_REDIS_CLIENT = (4, 6)


def sidekiq_redis_settings(variables: Variables, release: Release | None) -> Found:
    """The Redis that Sidekiq uses. An unknown release counts as the newest. Raises BadOption where Mastodon fails."""
    settings = _resolve(variables, release, ("SIDEKIQ_", ""), _SIDEKIQ_ON_REDIS_CLIENT)
    prefix, warnings = _namespace(variables, release)
    if not _before(release, _NEW_RULES):
        warnings += _ignored(variables)
    return replace(settings, key_prefix=prefix), warnings


def base_redis_settings(variables: Variables, release: Release | None) -> Found:
    """The Redis with everything else: feeds, `lock:*`, `exhausted_deliveries:*`, `stoplight:*`, `worker_batch:*`."""
    settings = _resolve(variables, release, ("",), _BASE_ON_REDIS_CLIENT)
    prefix, warnings = _namespace(variables, release)
    return replace(settings, key_prefix=prefix), warnings


def _resolve(
    variables: Variables, release: Release | None, prefixes: tuple[str, ...], on_redis_client: tuple[int, int]
) -> ConnectionSettings:
    dialect: Dialect = "redis-rb" if _before(release, on_redis_client) else "redis-client"
    for prefix in prefixes:
        if _before(release, _NEW_RULES):
            settings = old_rules(variables, prefix)
        else:
            settings = new_rules(variables, prefix, dialect)
        if settings is not None:
            return settings
    return ConnectionSettings()


def _before(release: Release | None, first: tuple[int, int]) -> bool:
    return release is not None and release < first


def _namespace(variables: Variables, release: Release | None) -> tuple[str, tuple[str, ...]]:
    warnings: tuple[str, ...] = ()
    if "SIDEKIQ_REDIS_NAMESPACE" in variables:
        warnings += (
            f"{variables.where('SIDEKIQ_REDIS_NAMESPACE')} is ignored: no release of Mastodon reads it"
            " (up to 4.3 it is REDIS_NAMESPACE).",
        )
    namespace = variables.get("REDIS_NAMESPACE")
    if namespace is None:
        return "", warnings
    if release is None or _before(release, (4, 4)):
        return f"{namespace}:", warnings
    warnings += (
        f"{variables.where('REDIS_NAMESPACE')} is ignored: Mastodon {'.'.join(map(str, release))} has no namespaces and"
        " does not start while it is set. Remove it; for keys that are still below it use key_prefix.",
    )
    return "", warnings


def _ignored(variables: Variables) -> tuple[str, ...]:
    """What a reader of Mastodon's documentation would expect to count, and does not."""
    if variables.filled("SIDEKIQ_REDIS_URL") or variables.filled("SIDEKIQ_REDIS_HOST"):
        return ()
    if variables.filled("SIDEKIQ_REDIS_SENTINEL_MASTER") and variables.filled("SIDEKIQ_REDIS_SENTINELS"):
        return ()
    return tuple(
        f"{variables.where(f'SIDEKIQ_REDIS_{part}')} is ignored, by Mastodon 4.3 and newer as well as here: it counts only"
        " together with SIDEKIQ_REDIS_HOST."
        for part in _PARTS
        if variables.filled(f"SIDEKIQ_REDIS_{part}")
    )
