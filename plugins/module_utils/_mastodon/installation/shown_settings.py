# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Which variables a result may show with their values: those that are known to hold no secret, and that people ask for."""

from __future__ import annotations

import typing as t

HARMLESS: t.Final = frozenset(
    (
        "ALTERNATE_DOMAINS",
        "DB_HOST",
        "DB_NAME",
        "DB_POOL",
        "DB_PORT",
        "DB_SSLMODE",
        "DB_USER",
        "LD_PRELOAD",
        "LOCAL_DOMAIN",
        "MALLOC_ARENA_MAX",
        "MASTODON_PROMETHEUS_EXPORTER_ENABLED",
        "MASTODON_PROMETHEUS_EXPORTER_LOCAL",
        "MASTODON_PROMETHEUS_EXPORTER_PORT",
        "MAX_THREADS",
        "NODE_ENV",
        "PAPERCLIP_ROOT_PATH",
        "PREPARED_STATEMENTS",
        "RAILS_ENV",
        "RAILS_LOG_LEVEL",
        "RAILS_MAX_THREADS",
        "REDIS_DB",
        "REDIS_HOST",
        "REDIS_NAMESPACE",
        "REDIS_PORT",
        "S3_BUCKET",
        "S3_ENABLED",
        "S3_ENDPOINT",
        "S3_REGION",
        "SIDEKIQ_CONCURRENCY",
        "SIDEKIQ_REDIS_DB",
        "SIDEKIQ_REDIS_HOST",
        "SIDEKIQ_REDIS_PORT",
        "SINGLE_USER_MODE",
        "SWIFT_ENABLED",
        "TMPDIR",
        "WEB_CONCURRENCY",
        "WEB_DOMAIN",
    )
)
"""A variable that is not named here counts as a secret."""


def shown(name: str, value: str, mentioned: t.Collection[str] = ()) -> str | None:
    """The value, or None where it may be a secret. `mentioned` variables are in a command line, which everybody can read."""
    return value if name in HARMLESS or name in mentioned else None
