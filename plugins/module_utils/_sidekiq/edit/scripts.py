# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The steps of an edit, as Lua: each is atomic and holds Redis for some milliseconds.

A step asks for every right that it will need before it changes anything: what an ACL forbids ends it untouched. One that
frees memory begins with a command that a full Redis takes, which lets the rest pass; one that needs memory begins with a
command that a full Redis refuses.

C(sift) turns a list by a window: it takes members from the tail, drops those that are wanted and pushes the others to the head.
After a whole turn the list is in its old order without them. C(weave) turns a list in the same way and puts members in
between. Jobs are in the list at every moment.
Where a turn stands is kept in Redis, in the same atomic step: how many members at the head it has done with, and the
outermost of them, before which only what was pushed since can lie. So all that follows them is still to be turned, however
many were pushed, fetched or given back meanwhile, and whoever comes after us can bring a turn to its end.
"""

from __future__ import annotations

import typing as t

WINDOW_BYTES: t.Final = 400_000
"""Of a list, so that a step holds Redis for a few milliseconds. One member more is read to see that there are enough."""

SEARCHED_BYTES: t.Final = 65_536
"""Of a member in which Redis looks for pieces itself: Lua takes some 80 ns for each byte of it."""

_RIGHTS = """
local refused = false
local function need(command, key, ...)
  if not refused and redis.acl_check_cmd and not redis.acl_check_cmd(command, key, ...) then
    refused = "NOPERM this user has no permissions to run the '" .. command .. "' command on the key '" .. key .. "'"
  end
end
local function need_type(key, kind)
  local found = redis.call('TYPE', key).ok
  if not refused and found ~= 'none' and found ~= kind then
    refused = "WRONGTYPE the key '" .. key .. "' holds a " .. found .. " where Sidekiq keeps a " .. kind
  end
end
local function need_known(known)
  if not refused and redis.call('TYPE', known).ok == 'none' then
    refused = "LOSTDATA the key '" .. known .. "' is gone"
  end
end
"""
"""An ACL's refusal or a wrong type in the middle of a script would leave it half done. (Redis before 7 cannot be asked.)

What Redis was told before the first step must still be there: else its data were lost or set back, and the step would begin a
new account, by which jobs that are nowhere seem never to have been removed.
"""

_LOCKS = """
local function need_lock_types(base)
  need_type(base .. ':LOCKED', 'hash')
  need_type(prefix .. 'uniquejobs:digests', 'zset')
  need_type(prefix .. 'uniquejobs:expiring_digests', 'zset')
end
local function need_lock(digest)
  if string.sub(digest, -4) == ':RUN' then digest = string.sub(digest, 1, -5) end
  for _, base in ipairs({prefix .. digest, prefix .. digest .. ':RUN'}) do
    need_lock_types(base)
    need('hexists', base .. ':LOCKED', 'x')
    need('hdel', base .. ':LOCKED', 'x')
    need('hlen', base .. ':LOCKED')
    need('unlink', base, base .. ':QUEUED', base .. ':PRIMED', base .. ':LOCKED', base .. ':INFO')
  end
  need('zrem', prefix .. 'uniquejobs:digests', 'x')
  need('zrem', prefix .. 'uniquejobs:expiring_digests', 'x')
end
local function need_to_lock(digest)
  local base = prefix .. digest
  need_lock_types(base)
  need_type(base, 'string')
  need('hlen', base .. ':LOCKED')
  need('hexists', base .. ':LOCKED', 'x')
  need('hset', base .. ':LOCKED', 'x', 'x')
  need('set', base, 'x')
  need('zadd', prefix .. 'uniquejobs:digests', '0', 'x')
  need('pexpire', base, '1')
  need('pexpire', base .. ':LOCKED', '1')
end
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

_TURN = """
local key, bitmap, turn = KEYS[1], KEYS[2], KEYS[3]
local window, id, mode = tonumber(ARGV[2]), ARGV[3], ARGV[4]
need_type(key, 'list')
need_type(turn, 'hash')
need('llen', key)
need('lindex', key, '0')
need('lpos', key, 'x')
need('lrange', key, '0', '0')
need('lpush', key, 'x')
need('ltrim', key, '0', '0')
need('hmget', turn, 'x')
need('hset', turn, 'x', 'x')
need('expire', turn, '1')
need('del', turn)
local left, done, turned = 0, 0, false
local function begin_step()
  if mode == 'after' then return true end
  local state = redis.call('HMGET', turn, 'id', 'done', 'outermost')
  turned = state[1] ~= false
  if turned and state[1] ~= id or not turned and mode ~= 'begin' then return false end
  local size, pushed = redis.call('LLEN', key), turned and redis.call('LPOS', key, state[3])
  done = tonumber(state[2] or 0) + (pushed or 0)
  left = math.max(0, size - done)
  if mode == 'finish' and not pushed then left = 0 end  -- all that it knew has left since
  window = math.min(window, left)
  return true
end
local function read_window()
  local members, bytes = {}, 0
  while #members < window and bytes < BYTES do
    local member = redis.call('LINDEX', key, -(#members + 1))
    if not member then break end
    members[#members + 1] = member
    bytes = bytes + #member
  end
  return members
end
local function end_step()
  if mode == 'after' then return end
  if left == 0 then
    redis.call('DEL', turn)
  else
    redis.call('HSET', turn, 'id', id, 'done', done, 'outermost', redis.call('LINDEX', key, 0))
    redis.call('EXPIRE', turn, TTL)
  end
end
"""
"""The members of a window, the next to run first, are fewer where they are large; they are read one by one, as nobody knows the
size of the next: a few jobs of 40 MB in one slice hold Redis for seconds.
KEYS: list, bitmap, turn. ARGV: prefix, window, id of the turn, C(begin), C(go on), C(finish) or C(after) it."""

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
for _, lock in pairs(locks) do need_lock(lock[1]) end
local function free_of(index)
  return locks[index] and free(locks[index][1], locks[index][2]) or 0
end
if count > 0 then
  need_type(bitmap, 'string')
  need_known(bitmap)
  need('get', bitmap)
  need('del', bitmap)
  need('getbit', bitmap, '0')
  need('setbit', bitmap, '0', '0')
  need('expire', bitmap, '1')
  if kind == 'list' then
    need_type(target, 'list')
    need_type(queues, 'set')
    need('lpush', target, 'x')
    need('sadd', queues, 'x')
  elseif kind == 'zset' then
    need_type(target, 'zset')
    need('zscore', target, 'x')
    need('zadd', target, '0', 'x')
  end
end
"""
"""The jobs of a step in its arguments: their numbers in the archive; the members in one piece and their sizes; the same for
the members they become (empty if nobody needs them); the scores; and for each job that owns a lock its index here, the
digest and the jid. In one piece, as a client in Python spends more on an argument than Redis on the whole job."""

# KEYS: as for a turn, then destination, queues
# ARGV: as for a turn, then member to stop before, kind of destination, its queue, time to live of the bitmap, jobs
SIFT: t.Final = (
    "local prefix = ARGV[1]\n"
    + _RIGHTS
    + _LOCKS
    + _LISTS
    + _TURN.replace("TTL", "ARGV[8]").replace("BYTES", str(WINDOW_BYTES))
    + "local target, queues, kind = KEYS[4], KEYS[5], ARGV[6]\n"
    + _JOBS.replace("FIRST", "9")
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

# KEYS: set, bitmap, destination, queues
# ARGV: prefix, kind of destination (score: stays with another score), its queue, time to live of the bitmap, jobs
PICK: t.Final = (
    "local prefix = ARGV[1]\n"
    + _RIGHTS
    + _LOCKS
    + "local key, bitmap, target, queues, kind = KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[2]\n"
    + _JOBS.replace("FIRST", "5")
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

# KEYS: as for a turn, then queues, bitmap of what was taken out
# ARGV: as for a turn, then queue, time to live of the bitmap, time, then for each job: member, number, how many members of
#       this window go before it, digest, jid, time to live of the lock. Without jobs: only whether Redis would take it.
WEAVE: t.Final = (
    "local prefix = ARGV[1]\n"
    + _RIGHTS
    + _LOCKS
    + _LISTS
    + _TURN.replace("TTL", "ARGV[6]").replace("BYTES", str(WINDOW_BYTES))
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

# KEYS: set, bitmap, bitmap of what was taken out
# ARGV: prefix, time to live of the bitmap, time, mode (add, or score: only if it is there), then for each job: member,
#       number, score, digest, jid, time to live of the lock. Without jobs: only whether Redis would take it.
PLACE: t.Final = (
    "local prefix = ARGV[1]\n"
    + _RIGHTS
    + _LOCKS
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

# KEYS: bitmap
# ARGV: time to live of the bitmap. EXPIRE comes first as a full Redis takes it, and then the rest.
BEGIN: t.Final = (
    _RIGHTS
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

# KEYS: none of its own
# ARGV: prefix, then for each lock: digest, number of holders, their jids
UNLOCK: t.Final = (
    _RIGHTS
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

# KEYS: list
# ARGV: how many were seen, page, margin, last member seen, where escapes count (plain, nested), case (exact, folded),
#       how many members to read at once, bytes, pieces of bytes of which one must occur, see :mod:`needles`
SCAN: t.Final = r"""
local key = KEYS[1]
local seen, page, margin, last = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local slice, most = tonumber(ARGV[7]), tonumber(ARGV[8])
local members, bytes, ended, from = {}, 0, 0, seen - margin  -- the next to run first
while #members < page + margin and (bytes < most or #members <= margin) do
  local count = math.min(slice, page + margin - #members)
  local read = redis.call('LRANGE', key, -(from + count), -(from + 1))
  for place = #read, 1, -1 do
    members[#members + 1] = read[place]
    bytes = bytes + #read[place]
  end
  from = from + count
  if #read < count then ended = 1 break end
end
local before = 0
if seen > 0 then
  before = margin
  if members[before] ~= last then
    before = 0
    for place, member in ipairs(members) do
      if member == last then before = place break end
    end
  end
  if before == 0 then return {-1} end
  seen = seen - (margin - before)
end
local fresh = #members - before
local at, size, found = {}, {}, {}
local find, needles, moved, largest = string.find, #ARGV, 0, 0
local nested, folded = ARGV[5] == 'nested', ARGV[6] == 'folded'
local function possible(member)
  if #member > SEARCHED then return true end
  local seen_as = folded and string.lower(member) or member
  for index = 9, needles do
    if find(seen_as, ARGV[index], 1, true) then return true end
  end
  if not find(member, '\\u', 1, true) then return false end
  return nested or find(string.gsub(member, '\\\\', ''), '\\u', 1, true) ~= nil
end
for place = 1, fresh do
  local member = members[before + place]
  moved = moved + #member
  if #member > largest then largest = #member end
  if possible(member) then
    at[#at + 1] = place - 1
    size[#size + 1] = #member
    found[#found + 1] = member
  end
end
return {
  seen, fresh, fresh > 0 and members[#members] or last, ended,
  table.concat(at, ','), table.concat(size, ','), table.concat(found), moved, largest
}
""".replace("SEARCHED", str(SEARCHED_BYTES))
"""Reads a page of a list from the tail on, as C(walk.queue_members) does, but sends only members in which one of the given
bytes occurs, and those in one piece: a client in Python spends more on taking a reply apart than on all else. A member that
is too large to be searched here is sent, too."""
