# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The script that turns a list by a window and removes the wanted members from it, or moves them elsewhere."""

from __future__ import annotations

import typing as t

from . import parts

# KEYS: as for a turn, then destination, queues
# ARGV: as for a turn, then member to stop before, kind of destination, its queue, time to live of the bitmap, jobs
SIFT: t.Final = (
    "local prefix = ARGV[1]\n"
    + parts.RIGHTS
    + parts.LOCKS
    + parts.LISTS
    + parts.TURN.replace("TTL", "ARGV[8]").replace("BYTES", str(parts.WINDOW_BYTES))
    + "local target, queues, kind = KEYS[4], KEYS[5], ARGV[6]\n"
    + parts.JOBS.replace("FIRST", "9")
    + """
if refused then return redis.error_reply(refused) end
if not begin_step() then return {-1, 0, 0, 0, -1, {}} end
local members = read_window()
local wanted, more = {}, {}
for index = count, 1, -1 do
  local member = wanted_members[index]
  more[index] = wanted[member]
  wanted[member] = index
end
local coming = {}
local function has_room(index)
  if kind ~= 'zset' then return true end
  local member = fresh_members[index]
  if coming[member] or redis.call('ZSCORE', target, member) then return false end
  coming[member] = true
  return true
end
local kept, taken, processed, stopped, last = {}, {}, 0, 0, -1
for _, member in ipairs(members) do
  local found = wanted[member]
  if not found and ARGV[5] ~= '' and member == ARGV[5] then
    stopped = 1
    break
  end
  if found and has_room(found) then
    taken[#taken + 1] = found
    wanted[member] = more[found]
    last = processed
  else
    kept[#kept + 1] = member
  end
  processed = processed + 1
end
left = left - processed
local out, freed = {}, 0
if #taken > 0 then
  redis.call('LTRIM', key, 0, -1)
  redis.call('SETBIT', bitmap, numbers[taken[1]], 1)
  if kind == 'list' then
    local fresh = {}
    for at, index in ipairs(taken) do fresh[at] = fresh_members[index] end
    redis.call('SADD', queues, ARGV[7])
    push(target, fresh)
  elseif kind == 'zset' then
    for _, index in ipairs(taken) do
      redis.call('ZADD', target, scores[index], fresh_members[index])
    end
  end
end
if #taken > 0 or left > 0 or turned then
  if processed > 0 then
    push(key, kept)
    redis.call('LTRIM', key, 0, -(processed + 1))
  end
  done = done + #kept
  end_step()
end
for at, index in ipairs(taken) do
  redis.call('SETBIT', bitmap, numbers[index], 1)
  out[at] = tonumber(numbers[index])
  freed = freed + free_of(index)
end
if #taken > 0 then redis.call('EXPIRE', bitmap, ARGV[8]) end
return {left, processed, freed, stopped, last, out}
"""
)
