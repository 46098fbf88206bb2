# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The steps of an edit, each atomic in Redis.

A step tries every command that it will need before it changes anything, in a form without effect: an ACL that forbids
one of them, or a full Redis (a first command that frees memory lets the rest of a script pass), ends it untouched.

C(sift) turns a list by a window: it takes members from the tail, drops those that are wanted and pushes the others to the head.
After a whole turn the list is in its old order without them; a list that fits into one window never leaves its order.
Jobs are in the list at every moment. C(weave) turns a list in the same way and puts members in between.
"""

from __future__ import annotations

import typing as t

_LOCKS = """
local function free_one(name, jid)
  local holders = prefix .. name .. ':LOCKED'
  if redis.call('HEXISTS', holders, jid) == 0 then return 0 end
  redis.call('HDEL', holders, jid)
  if redis.call('HLEN', holders) == 0 then
    local base = prefix .. name
    redis.call('UNLINK', base, base .. ':QUEUED', base .. ':PRIMED', holders, base .. ':INFO')
    redis.call('ZREM', prefix .. 'uniquejobs:digests', name)
    redis.call('ZREM', prefix .. 'uniquejobs:expiring_digests', name)
  end
  return 1
end
local function free(digest, jid)
  if digest == '' then return 0 end
  if string.sub(digest, -4) == ':RUN' then digest = string.sub(digest, 1, -5) end
  local freed = free_one(digest, jid) + free_one(digest .. ':RUN', jid)
  return freed > 0 and 1 or 0
end
local function lock(digest, jid, ttl, now)
  if digest == '' then return 0 end
  local base = prefix .. digest
  local holders = base .. ':LOCKED'
  if redis.call('HLEN', holders) > 0 then return redis.call('HEXISTS', holders, jid) end
  redis.call('HSET', holders, jid, now)
  redis.call('SET', base, jid)
  redis.call('ZADD', prefix .. 'uniquejobs:digests', now, digest)
  if tonumber(ttl) > 0 then
    redis.call('PEXPIRE', holders, ttl)
    redis.call('PEXPIRE', base, ttl)
  end
  return 1
end
"""

_LISTS = """
local function push(key, members)
  for first = 1, #members, 1000 do
    redis.call('LPUSH', key, unpack(members, first, math.min(first + 999, #members)))
  end
end
"""

_JOBS = """
local function split(joined, sizes)
  local parts, from = {}, 1
  for size in string.gmatch(sizes, '%d+') do
    parts[#parts + 1] = string.sub(joined, from, from + size - 1)
    from = from + size
  end
  return parts
end
local numbers, locks = {}, {}
for number in string.gmatch(ARGV[FIRST], '%d+') do numbers[#numbers + 1] = number end
local wanted_members = split(ARGV[FIRST + 1], ARGV[FIRST + 2])
local fresh_members = split(ARGV[FIRST + 3], ARGV[FIRST + 4])
local scores, count = {}, #numbers
for score in string.gmatch(ARGV[FIRST + 5], '[^,]+') do scores[#scores + 1] = score end
for at = FIRST + 6, #ARGV, 3 do locks[tonumber(ARGV[at])] = {ARGV[at + 1], ARGV[at + 2]} end
local function free_of(index)
  return locks[index] and free(locks[index][1], locks[index][2]) or 0
end
"""
"""The jobs of a step in its arguments: their numbers in the archive; the members in one piece and their sizes; the same for
the members they become (empty if nobody needs them); the scores; and for each job that owns a lock its index here, the
digest and the jid. In one piece, as a client in Python spends more on an argument than Redis on the whole job."""

# KEYS: list, bitmap, destination, queues
# ARGV: prefix, window, newest, second newest, member before the tail, member to stop before, kind of destination, its
#       queue, time to live of the bitmap, jobs
SIFT: t.Final = (
    "local prefix = ARGV[1]\n"
    + _LOCKS
    + _LISTS
    + _JOBS.replace("FIRST", "10")
    + """
local key, bitmap, target, kind = KEYS[1], KEYS[2], KEYS[3], ARGV[7]
redis.call('LTRIM', key, 0, -1)
local members = redis.call('LRANGE', key, -tonumber(ARGV[2]), -1)
local wanted, more = {}, {}
for index = count, 1, -1 do
  local member = wanted_members[index]
  more[index] = wanted[member]
  wanted[member] = index
end
local kept, taken, before, processed, done = {}, {}, ARGV[5], 0, 0
if #members == 0 then done = 1 end
for place = #members, 1, -1 do
  local member = members[place]
  local found = wanted[member]
  if not found and ARGV[6] ~= '' and member == ARGV[6] then break end
  if found then
    taken[#taken + 1] = found
    wanted[member] = more[found]
  else
    kept[#kept + 1] = member
  end
  processed = processed + 1
  if member == ARGV[3] and (before == ARGV[4] or place == #members) then done = 1 break end
  before = member
end
local out, freed = {}, 0
local whole = processed == redis.call('LLEN', key)
if #taken > 0 then
  redis.call('SETBIT', bitmap, numbers[taken[1]], 0)
  if kind == 'list' then
    local fresh = {}
    for at, index in ipairs(taken) do fresh[at] = fresh_members[index] end
    redis.call('SADD', KEYS[4], ARGV[8])
    push(target, fresh)
  elseif kind == 'zset' then
    redis.call('ZADD', target, 'XX', 0, '')
    for _, index in ipairs(taken) do
      redis.call('ZADD', target, scores[index], fresh_members[index])
    end
  end
end
if #taken > 0 or not whole then
  push(key, kept)
  redis.call('LTRIM', key, 0, -(processed + 1))
end
for at, index in ipairs(taken) do
  redis.call('SETBIT', bitmap, numbers[index], 1)
  out[at] = tonumber(numbers[index])
  freed = freed + free_of(index)
end
if #taken > 0 then redis.call('EXPIRE', bitmap, ARGV[9]) end
if whole then done = 1 end
return {processed, done, before, freed, out}
"""
)

# KEYS: set, bitmap, destination, queues
# ARGV: prefix, kind of destination (score: stays with another score), its queue, time to live of the bitmap, jobs
PICK: t.Final = (
    "local prefix = ARGV[1]\n"
    + _LOCKS
    + _JOBS.replace("FIRST", "5")
    + """
local key, bitmap, target, kind = KEYS[1], KEYS[2], KEYS[3], ARGV[2]
redis.call('ZREM', key, '\\0')
redis.call('SETBIT', bitmap, numbers[1], redis.call('GETBIT', bitmap, numbers[1]))
local out, freed = {}, 0
for index = 1, count do
  local member = wanted_members[index]
  if redis.call('ZSCORE', key, member) then
    if kind == 'score' then
      redis.call('ZADD', key, 'XX', scores[index], member)
    else
      local fresh = fresh_members[index]
      if kind == 'list' then
        redis.call('SADD', KEYS[4], ARGV[3])
        redis.call('LPUSH', target, fresh)
      elseif kind == 'zset' then
        redis.call('ZADD', target, scores[index], fresh)
      end
      if kind ~= 'zset' or key ~= target or member ~= fresh then redis.call('ZREM', key, member) end
      freed = freed + free_of(index)
    end
    redis.call('SETBIT', bitmap, numbers[index], 1)
    out[#out + 1] = tonumber(numbers[index])
  end
end
redis.call('EXPIRE', bitmap, ARGV[4])
return {freed, out}
"""
)

# KEYS: list, bitmap, queues
# ARGV: prefix, window, newest, second newest, member before the tail, queue, time to live of the bitmap, time, then for
#       each job: member, number, how many members of this window go before it, digest, jid, time to live of the lock
WEAVE: t.Final = (
    "local prefix = ARGV[1]\n"
    + _LOCKS
    + _LISTS
    + """
local key, bitmap = KEYS[1], KEYS[2]
redis.call('LTRIM', key, 0, -1)
local window = tonumber(ARGV[2])
local members = window > 0 and redis.call('LRANGE', key, -window, -1) or {}
local out, before, processed, done = {}, ARGV[5], 0, 0
local at, numbers, locked = 9, {}, 0
local function insert()
  if redis.call('GETBIT', bitmap, ARGV[at + 1]) == 0 then
    out[#out + 1] = ARGV[at]
    numbers[#numbers + 1] = at
  end
  at = at + 6
end
for place = #members, 1, -1 do
  while at <= #ARGV and tonumber(ARGV[at + 2]) <= processed do insert() end
  local member = members[place]
  out[#out + 1] = member
  processed = processed + 1
  if member == ARGV[3] and (before == ARGV[4] or place == #members) then done = 1 break end
  before = member
end
if processed == redis.call('LLEN', key) then done = 1 end
while at <= #ARGV do insert() end
redis.call('SADD', KEYS[3], ARGV[6])
if #numbers > 0 then redis.call('SETBIT', bitmap, ARGV[numbers[1] + 1], 0) end
if #numbers > 0 or done == 0 or processed < redis.call('LLEN', key) then
  push(key, out)
  if processed > 0 then redis.call('LTRIM', key, 0, -(processed + 1)) end
end
for _, number in ipairs(numbers) do
  redis.call('SETBIT', bitmap, ARGV[number + 1], 1)
  locked = locked + lock(ARGV[number + 3], ARGV[number + 4], ARGV[number + 5], ARGV[8])
end
if #numbers > 0 then redis.call('EXPIRE', bitmap, ARGV[7]) end
return {processed, done, before, locked, #numbers}
"""
)

# KEYS: set, bitmap
# ARGV: prefix, time to live of the bitmap, time, mode (add, or score: only if it is there), then for each job: member,
#       number, score, digest, jid, time to live of the lock
PLACE: t.Final = (
    "local prefix = ARGV[1]\n"
    + _LOCKS
    + """
local key, bitmap = KEYS[1], KEYS[2]
redis.call('SETBIT', bitmap, ARGV[6], redis.call('GETBIT', bitmap, ARGV[6]))
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

# KEYS: none of its own
# ARGV: prefix, then for each lock: digest, number of holders, their jids
UNLOCK: t.Final = """
local prefix, at, freed = ARGV[1], 2, 0
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
"""Frees locks whose holders are still those that were seen. (An ACL that forbids UNLINK ends it before anything is changed.)"""

# KEYS: list
# ARGV: how many were seen, page, margin, last member seen, pieces of bytes of which one must occur
SCAN: t.Final = """
local key = KEYS[1]
local seen, page, margin, last = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local members = redis.call('LRANGE', key, -(seen + page), -(seen - margin + 1))
local fresh = #members
if seen > 0 then
  local place = #members - margin + 1
  if members[place] ~= last then
    place = 0
    for at = #members, 1, -1 do
      if members[at] == last then place = at break end
    end
  end
  if place == 0 then return {-1} end
  seen = seen - (margin - (#members - place + 1))
  fresh = place - 1
end
local at, size, found = {}, {}, {}
local find, needles = string.find, #ARGV
for place = fresh, 1, -1 do
  local member = members[place]
  local wanted = false
  for index = 5, needles do
    if find(member, ARGV[index], 1, true) then wanted = true break end
  end
  if wanted then
    at[#at + 1] = fresh - place
    size[#size + 1] = #member
    found[#found + 1] = member
  end
end
return {
  seen, fresh, fresh > 0 and members[1] or '', #members < page + margin and 1 or 0,
  table.concat(at, ','), table.concat(size, ','), table.concat(found)
}
"""
"""Reads a page of a list from the tail on, as C(walk.queue_members) does, but sends only members in which one of the given
bytes occurs, and those in one piece: a client in Python spends more on taking a reply apart than on all else."""
