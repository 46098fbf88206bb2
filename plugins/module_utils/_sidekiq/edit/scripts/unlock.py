# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The script that frees unique locks."""

from __future__ import annotations

import typing as t

from . import parts

# KEYS: none of its own
# ARGV: prefix, then for each lock: digest, number of holders, their jids
UNLOCK: t.Final = (
    parts.RIGHTS
    + """
local prefix, at, freed = ARGV[1], 2, 0
need('zrem', prefix .. 'uniquejobs:digests', 'x')
need('zrem', prefix .. 'uniquejobs:expiring_digests', 'x')
while at <= #ARGV do
  local base = prefix .. ARGV[at]
  need('hlen', base .. ':LOCKED')
  need('hexists', base .. ':LOCKED', 'x')
  need('unlink', base, base .. ':QUEUED', base .. ':PRIMED', base .. ':LOCKED', base .. ':INFO')
  at = at + 2 + tonumber(ARGV[at + 1])
end
if refused then return redis.error_reply(refused) end
at = 2
while at <= #ARGV do
  local digest, count = ARGV[at], tonumber(ARGV[at + 1])
  local base = prefix .. digest
  local holders = base .. ':LOCKED'
  local same = redis.call('HLEN', holders) == count
  for index = 1, count do
    same = same and redis.call('HEXISTS', holders, ARGV[at + 1 + index]) == 1
  end
  if same then
    redis.call('UNLINK', base, base .. ':QUEUED', base .. ':PRIMED', holders, base .. ':INFO')
    redis.call('ZREM', prefix .. 'uniquejobs:digests', digest)
    redis.call('ZREM', prefix .. 'uniquejobs:expiring_digests', digest)
    freed = freed + 1
  end
  at = at + 2 + count
end
return freed
"""
)
"""Frees locks whose holders are still those that were seen."""
