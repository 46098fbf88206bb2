# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The script that tells Redis of an archive before the first step."""

from __future__ import annotations

import typing as t

from . import parts

# KEYS: bitmap
# ARGV: time to live of the bitmap. EXPIRE comes first as a full Redis takes it, and then the rest.
BEGIN: t.Final = (
    parts.RIGHTS
    + """
need('expire', KEYS[1], '1')
need('getbit', KEYS[1], '0')
need('setbit', KEYS[1], '0', '0')
if refused then return redis.error_reply(refused) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('SETBIT', KEYS[1], 0, redis.call('GETBIT', KEYS[1], 0))
return redis.call('EXPIRE', KEYS[1], ARGV[1])
"""
)
"""Tells Redis of an archive before the first step: from then on a Redis that does not know the archive has lost data."""
