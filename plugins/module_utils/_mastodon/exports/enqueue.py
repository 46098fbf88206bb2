# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Taking hold of an orphan: its job is pushed, or its row given free, once, however many try at the same time.

One atomic step in Redis looks whether anybody has done so since we looked, or whether the archive has a job after all;
only then it leaves a mark with the time and pushes the job. A look that began after a mark sees the job that was pushed, so
the mark binds only those that began before.
"""

from __future__ import annotations

import secrets
import typing as t

from ..._sidekiq.keys import QUEUES, Keys
from ..._sidekiq.state.job import parse
from ..._sidekiq.state.payload import pack, writes_milliseconds
from ..jobs.worker_classes import BACKUP_WORKER
from ..settings.release import Release

QUEUE: t.Final = "pull"
MARK: t.Final = "fediverse.mastodon:export:"
_MARK_SECONDS: t.Final = 86400
"""Longer than any look takes."""

_MILLISECONDS_SINCE: t.Final = (4, 5)  # the first release with Sidekiq 8

# KEYS: mark, list of the queue, registry of queues, registry of processes
# ARGV: prefix, when the look began (microseconds), id of the row, job (empty: none), queue, class, time to live of the mark
_CLAIM: t.Final = """
if redis.replicate_commands then redis.replicate_commands() end
local prefix, began, id, job = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local mark = redis.call('GET', KEYS[1])
if mark and tonumber(mark) >= began then return 'claimed' end
local function is_of_row(text)
  if type(text) ~= 'string' or not string.find(text, ARGV[6], 1, true) then return false end
  local ok, found = pcall(cjson.decode, text)
  if not ok or type(found) ~= 'table' then return false end
  if type(found.payload) == 'string' then
    ok, found = pcall(cjson.decode, found.payload)
    if not ok or type(found) ~= 'table' then return false end
  elseif type(found.payload) == 'table' then
    found = found.payload
  end
  return found.class == ARGV[6] and type(found.args) == 'table' and tonumber(found.args[1]) == id
end
for _, member in ipairs(redis.call('LRANGE', KEYS[2], 0, 999)) do
  if is_of_row(member) then return 'has_job' end
end
for _, process in ipairs(redis.call('SMEMBERS', KEYS[4])) do
  for _, suffix in ipairs({':work', ':workers'}) do
    for _, entry in ipairs(redis.call('HVALS', prefix .. process .. suffix)) do
      if is_of_row(entry) then return 'has_job' end
    end
  end
end
local now = redis.call('TIME')
redis.call('SET', KEYS[1], now[1] .. string.format('%06d', now[2]), 'EX', ARGV[7])
if job ~= '' then
  redis.call('SADD', KEYS[3], ARGV[5])
  redis.call('LPUSH', KEYS[2], job)
end
return 'done'
"""


def claim(client: t.Any, key: Keys, backup_id: int, began: float, job: bytes = b"") -> str:
    """`done`; `claimed` if somebody else did since then (epoch seconds of Redis); `has_job` if it is no orphan.

    The marks of two look-ups can lie a microsecond apart, so one of the same moment counts as later.
    """
    script = client.register_script(_CLAIM)
    keys = [key(MARK, str(backup_id)), key.queue(QUEUE), key(QUEUES), key("processes")]
    moment = int(began * 1_000_000) - 2  # what a float may be off
    answer = script(keys, [key.prefix, moment, backup_id, job, QUEUE, BACKUP_WORKER, _MARK_SECONDS])
    return bytes(answer).decode()


def new_job(backup_id: int, now: float, milliseconds: bool) -> tuple[str, bytes]:
    """Jid and payload of `BackupWorker.perform_async(id)`, as Sidekiq 6.4 to 8.1 write it; `now` in epoch seconds.

    The order of the fields is that of the Ruby client; from 8.0 on times are whole milliseconds.
    """
    jid = secrets.token_hex(12)
    moment: float = int(now * 1000) if milliseconds else now
    return jid, pack(
        {
            "retry": 5,
            "queue": QUEUE,
            "backtrace": True,
            "dead": False,
            "args": [backup_id],
            "class": BACKUP_WORKER,
            "jid": jid,
            "created_at": moment,
            "enqueued_at": moment,
        }
    )


def milliseconds(client: t.Any, key: Keys, versions: t.Sequence[str | None], release: Release | None) -> bool:
    """Which unit Mastodon's own Sidekiq writes: by the processes that run, else by its release, else by a job that waits.

    Where nothing tells: seconds, which every Sidekiq understands.
    """
    if versions or release is None:
        return writes_milliseconds(parse(client.lindex(key.queue(QUEUE), 0) or b""), versions)
    return release >= _MILLISECONDS_SINCE
