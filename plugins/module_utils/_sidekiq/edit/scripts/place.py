# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The script that puts members into a sorted set, or at the end of a list."""

from __future__ import annotations

import typing as t

from . import parts

# KEYS: set, bitmap, bitmap of what was taken out
# ARGV: prefix, time to live of the bitmap, time, mode (add, or score: only if it is there), then for each job: member,
#       number, score, digest, jid, time to live of the lock. Without jobs: only whether Redis would take it.
PLACE: t.Final = (
    "local prefix = ARGV[1]\n"
    + parts.RIGHTS
    + parts.LOCKS
    + """
local key, bitmap = KEYS[1], KEYS[2]
need_type(key, 'zset')
need_type(bitmap, 'string')
need_known(KEYS[3])
need('zscore', key, 'x')
need('zadd', key, '0', 'x')
need('getbit', bitmap, '0')
need('setbit', bitmap, '0', '0')
need('expire', bitmap, '1')
for at = 5, #ARGV, 6 do
  if ARGV[at + 3] ~= '' then need_to_lock(ARGV[at + 3]) end
end
if refused then return redis.error_reply(refused) end
local first = ARGV[6] or 0
redis.call('SETBIT', bitmap, first, redis.call('GETBIT', bitmap, first))
local placed, locked = 0, 0
for at = 5, #ARGV, 6 do
  if redis.call('GETBIT', bitmap, ARGV[at + 1]) == 0 then
    local there = redis.call('ZSCORE', key, ARGV[at])
    if (ARGV[4] == 'add' and not there) or (ARGV[4] == 'score' and there) then
      redis.call('ZADD', key, ARGV[at + 2], ARGV[at])
      redis.call('SETBIT', bitmap, ARGV[at + 1], 1)
      locked = locked + lock(ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[3])
      placed = placed + 1
    end
  end
end
redis.call('EXPIRE', bitmap, ARGV[2])
return {placed, locked}
"""
)
