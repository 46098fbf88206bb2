# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The script that turns a list by a window and puts members in between."""

from __future__ import annotations

import typing as t

from . import parts

# KEYS: as for a turn, then queues, bitmap of what was taken out
# ARGV: as for a turn, then queue, time to live of the bitmap, time, then for each job: member, number, how many members of
#       this window go before it, digest, jid, time to live of the lock. Without jobs: only whether Redis would take it.
WEAVE: t.Final = (
    "local prefix = ARGV[1]\n"
    + parts.RIGHTS
    + parts.LOCKS
    + parts.LISTS
    + parts.TURN.replace("TTL", "ARGV[6]").replace("BYTES", str(parts.WINDOW_BYTES))
    + """
local at, numbers, locked = 8, {}, 0
need_type(KEYS[4], 'set')
need_type(bitmap, 'string')
need_known(KEYS[5])
need('sadd', KEYS[4], 'x')
need('getbit', bitmap, '0')
need('setbit', bitmap, '0', '0')
need('expire', bitmap, '1')
for job = at, #ARGV, 6 do
  if ARGV[job + 3] ~= '' then need_to_lock(ARGV[job + 3]) end
end
if refused then return redis.error_reply(refused) end
if not begin_step() then return {-1, 0, 0, 0, 0} end
local first = ARGV[at + 1] or 0
redis.call('SETBIT', bitmap, first, redis.call('GETBIT', bitmap, first))
local members = mode ~= 'after' and read_window() or {}
local out = {}
local function insert()
  if redis.call('GETBIT', bitmap, ARGV[at + 1]) == 0 then
    out[#out + 1] = ARGV[at]
    numbers[#numbers + 1] = at
  end
  at = at + 6
end
local function insert_all(before)
  while at <= #ARGV and tonumber(ARGV[at + 2]) <= before do insert() end
end
for place, member in ipairs(members) do
  insert_all(place - 1)
  out[#out + 1] = member
end
left = left - #members
insert_all(left > 0 and #members or math.huge)
if #numbers > 0 then redis.call('SADD', KEYS[4], ARGV[5]) end
if #numbers > 0 or left > 0 or turned then
  push(key, out)
  if #members > 0 then redis.call('LTRIM', key, 0, -(#members + 1)) end
  done = done + #out
  end_step()
end
for _, number in ipairs(numbers) do
  redis.call('SETBIT', bitmap, ARGV[number + 1], 1)
  locked = locked + lock(ARGV[number + 3], ARGV[number + 4], ARGV[number + 5], ARGV[7])
end
redis.call('EXPIRE', bitmap, ARGV[6])
return {left, #members, locked, #numbers, (at - 8) / 6}
"""
)
