# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The script that removes the wanted members from a sorted set, or moves them elsewhere."""

from __future__ import annotations

import typing as t

from . import parts

# KEYS: set, bitmap, destination, queues
# ARGV: prefix, kind of destination (score: stays with another score), its queue, time to live of the bitmap, jobs
PICK: t.Final = (
    "local prefix = ARGV[1]\n"
    + parts.RIGHTS
    + parts.LOCKS
    + "local key, bitmap, target, queues, kind = KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[2]\n"
    + parts.JOBS.replace("FIRST", "5")
    + """
need_type(key, 'zset')
need('zscore', key, 'x')
need('zrem', key, 'x')
need('zadd', key, 'xx', '0', 'x')
if refused then return redis.error_reply(refused) end
redis.call('ZREM', key, bitmap)
redis.call('SETBIT', bitmap, numbers[1], redis.call('GETBIT', bitmap, numbers[1]))
local out, left, freed = {}, {}, 0
for index = 1, count do
  local member, fresh = wanted_members[index], fresh_members[index]
  if redis.call('ZSCORE', key, member) then
    if kind == 'zset' and redis.call('ZSCORE', target, fresh) then
      left[#left + 1] = tonumber(numbers[index])
    else
      if kind == 'score' then
        redis.call('ZADD', key, 'XX', scores[index], member)
      else
        if kind == 'list' then
          if #out == 0 then redis.call('SADD', queues, ARGV[3]) end
          redis.call('LPUSH', target, fresh)
        elseif kind == 'zset' then
          redis.call('ZADD', target, scores[index], fresh)
        end
        redis.call('ZREM', key, member)
        freed = freed + free_of(index)
      end
      redis.call('SETBIT', bitmap, numbers[index], 1)
      out[#out + 1] = tonumber(numbers[index])
    end
  end
end
redis.call('EXPIRE', bitmap, ARGV[4])
return {freed, out, left}
"""
)
