# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the scripts of an edit share. Each step of an edit is a script: it is atomic and holds Redis for some milliseconds.

A step asks for every right that it will need before it changes anything: what an ACL forbids ends it untouched. One that
frees memory begins with a command that a full Redis takes, which lets the rest pass; one that needs memory begins with a
command that a full Redis refuses.

`sift` turns a list by a window: it takes members from the tail, drops those that are wanted and pushes the others to the head.
After a whole turn the list is in its old order without them. `weave` turns a list in the same way and puts members in
between. Jobs are in the list at every moment.
Where a turn stands is kept in Redis, in the same atomic step: how many members at the head it has done with, and the
outermost of them, before which only what was pushed since can lie. So all that follows them is still to be turned, however
many were pushed, fetched or given back meanwhile, and whoever comes after us can bring a turn to its end.
"""

from __future__ import annotations

import typing as t

WINDOW_BYTES: t.Final = 400_000
"""Of a list, so that a step holds Redis for a few milliseconds. One member more is read to see that there are enough."""

RIGHTS: t.Final = """
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

LOCKS: t.Final = """
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

LISTS: t.Final = """
local function push(key, members)
  for first = 1, #members, 1000 do
    redis.call('LPUSH', key, unpack(members, first, math.min(first + 999, #members)))
  end
end
"""

TURN: t.Final = """
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
KEYS: list, bitmap, turn. ARGV: prefix, window, id of the turn, `begin`, `go on`, `finish` or `after` it."""

JOBS: t.Final = """
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
