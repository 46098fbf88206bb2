# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The script that reads a page of a list and sends only the members in which one of the given pieces occurs."""

from __future__ import annotations

import typing as t

SEARCHED_BYTES: t.Final = 65_536
"""Of a member in which Redis looks for pieces itself: Lua takes some 80 ns for each byte of it."""

# KEYS: list
# ARGV: how many were seen, page, margin, last member seen, where escapes count (plain, nested), case (exact, folded),
#       how many members to read at once, bytes, pieces of bytes of which one must occur, see `needles`
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
"""Reads a page of a list from the tail on, as `walk.queue_members` does, but sends only members in which one of the given
bytes occurs, and those in one piece: a client in Python spends more on taking a reply apart than on all else. A member that
is too large to be searched here is sent, too."""
