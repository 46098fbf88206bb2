#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_info
short_description: Show what Sidekiq is doing
version_added: 1.0.0
description:
  - Takes one snapshot of what Sidekiq keeps in Redis - totals, queues, sets, processes, running jobs, the recurring schedule, locks - and of
    Redis itself.
  - Understands the data of Sidekiq 6.4 to 8.1, also where several versions wrote side by side.
  - All default sections together need at most three round trips to Redis, however many queues and processes there are.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.info_module
options:
  sections:
    description:
      - What to read.
      - V(locks) is not among the default, as it reads every job of every queue to find the job of each lock.
    type: list
    elements: str
    choices: [totals, queues, sets, processes, busy, schedule, locks, redis]
    default: [totals, queues, sets, processes, busy, schedule, redis]
  lock_min_age:
    description:
      - Seconds that a unique lock must be old to be counted as orphaned. Younger ones may belong to a job that is just on its way.
    type: float
    default: 300
  heartbeat_timeout:
    description:
      - A process tells what it runs with each heartbeat, every 5 or 10 seconds. Where an old lock seems to have no job, the module waits for the next
        heartbeat of every process and looks again, at most so many seconds.
      - If a process stays silent for so long, RV(locks.uncertain) counts the locks whose job it may run. With V(0) nothing is waited for.
    type: float
    default: 15
seealso:
  - module: fediverse.mastodon.sidekiq_health_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Everything that is cheap to read, on the Mastodon host itself
  fediverse.mastodon.sidekiq_info:
  become: true
  register: sidekiq

- name: Queues that nobody works on
  ansible.builtin.debug:
    msg: "{{ sidekiq.queues | selectattr('processes', 'equalto', []) | map(attribute='name') }}"

- name: Totals only, from the controller
  fediverse.mastodon.sidekiq_info:
    redis_url: redis://redis.mastodon.example:6379/0
    sections:
      - totals
  delegate_to: localhost
"""

RETURN = r"""
server:
  description: The Redis that was read, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
taken_at:
  description: When the snapshot was taken, by the clock of Redis.
  returned: success
  type: str
  sample: "2026-11-22T07:05:56Z"
taken_epoch:
  description: RV(taken_at) in epoch seconds.
  returned: success
  type: float
  sample: 1795331156.428
totals:
  description: The figures of Sidekiq's dashboard.
  returned: when O(sections) has V(totals)
  type: dict
  contains:
    processed:
      description: Jobs ever run, failed ones too.
      returned: success
      type: int
      sample: 1283301
    failed:
      description: Runs that ever failed.
      returned: success
      type: int
      sample: 20114
    enqueued:
      description: Jobs in all registered queues.
      returned: success
      type: int
      sample: 18
    retry:
      description: Jobs in the retry set.
      returned: success
      type: int
      sample: 9
    scheduled:
      description: Jobs in the scheduled set.
      returned: success
      type: int
      sample: 5
    dead:
      description: Jobs in the dead set.
      returned: success
      type: int
      sample: 4
    processes:
      description: Registered processes, dead ones too, as Sidekiq counts them.
      returned: success
      type: int
      sample: 3
    ghosts:
      description:
        - Registered processes that are dead. Their heartbeat has expired, or a newer process has the same host name and pid, as after a crash of a
          container.
      returned: success
      type: int
      sample: 1
    busy:
      description: Threads of live processes that ran a job at the last heartbeat.
      returned: success
      type: int
      sample: 2
    threads:
      description: Threads of all live processes.
      returned: success
      type: int
      sample: 25
queues:
  description: The queues by name, and lists that processes serve though the registry does not name them.
  returned: when O(sections) has V(queues)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the queue.
      returned: success
      type: str
      sample: pull
    size:
      description: Waiting jobs.
      returned: success
      type: int
      sample: 4
    latency:
      description: Seconds that the job which runs next has waited; V(0) when the queue is empty.
      returned: success
      type: float
      sample: 41.464
    processes:
      description: Identities of the live processes that take jobs from it, quiet ones too.
      returned: success
      type: list
      elements: str
      sample: ["worker-1.example:1856:c98a7640857b"]
    paused:
      description: Whether Sidekiq Pro paused it.
      returned: success
      type: bool
      sample: false
    registered:
      description: Whether the registry names it. Sidekiq's own API and Web UI do not see jobs in others.
      returned: success
      type: bool
      sample: true
sets:
  description: The sorted sets V(retry), V(scheduled) and V(dead).
  returned: when O(sections) has V(sets)
  type: dict
  sample:
    retry:
      size: 9
      oldest_at: "2026-11-22T07:05:31Z"
      oldest_epoch: 1795331131.428
      newest_at: "2026-11-22T07:06:10Z"
      newest_epoch: 1795331170.1
      due: 3
processes:
  description: The processes by identity, dead ones too.
  returned: when O(sections) has V(processes)
  type: list
  elements: dict
  contains:
    identity:
      description: Host, pid and a nonce.
      returned: success
      type: str
      sample: worker-1.example:1856:c98a7640857b
    hostname:
      description: Host it runs on.
      returned: success
      type: str
      sample: worker-1.example
    pid:
      description: Process id on that host.
      returned: success
      type: int
      sample: 1856
    tag:
      description: Its tag, by default the folder of the application.
      returned: success
      type: str
      sample: live
    version:
      description: Version of Sidekiq; null before 7.0.2, which does not tell.
      returned: success
      type: str
      sample: 8.1.7
    concurrency:
      description: Threads.
      returned: success
      type: int
      sample: 25
    busy:
      description: Threads that run a job.
      returned: success
      type: int
      sample: 2
    quiet:
      description: Whether it takes no new jobs, because it was told so or because it is stopping.
      returned: success
      type: bool
      sample: false
    rss_bytes:
      description: Resident memory.
      returned: success
      type: int
      sample: 43536384
    rtt_us:
      description: Round trip from the process to Redis, in microseconds.
      returned: success
      type: int
      sample: 82
    beat_age:
      description: Seconds since the last heartbeat, which comes every 5 s (Sidekiq 6) or 10 s.
      returned: success
      type: float
      sample: 2.2
    started_at:
      description: When it started.
      returned: success
      type: str
      sample: "2026-11-22T07:04:44Z"
    started_epoch:
      description: RV(processes[].started_at) in epoch seconds.
      returned: success
      type: float
      sample: 1795331084.2
    queues:
      description: Queues it serves.
      returned: success
      type: list
      elements: str
      sample: [default, push]
    weights:
      description: Weight of each queue; empty where the version does not tell. All V(0) means strict order.
      returned: success
      type: dict
      sample: {"default": 8, "push": 6}
    labels:
      description: Its labels.
      returned: success
      type: list
      elements: str
      sample: []
    alive:
      description:
        - Whether its heartbeat has not expired, and no newer process has the same host name and pid. A process that is not alive crashed or was
          killed.
      returned: success
      type: bool
      sample: true
busy:
  description: Jobs that ran in live processes at their last heartbeat, the longest first.
  returned: when O(sections) has V(busy)
  type: list
  elements: dict
  contains:
    identity:
      description: Process that runs it.
      returned: success
      type: str
      sample: worker-1.example:1856:c98a7640857b
    thread:
      description: Thread that runs it.
      returned: success
      type: str
      sample: dg
    jid:
      description: Id of the job.
      returned: success
      type: str
      sample: 7315dc4675986a31ef9294ab
    class:
      description: Worker class; for mails C(UserMailer#welcome).
      returned: success
      type: str
      sample: BackupWorker
    queue:
      description: Queue it came from.
      returned: success
      type: str
      sample: pull
    domain:
      description: Remote server it deals with, where its class tells.
      returned: success
      type: str
      sample: gone.example
    elapsed:
      description: Seconds since it started.
      returned: success
      type: float
      sample: 72.4
    run_at:
      description: When it started.
      returned: success
      type: str
      sample: "2026-11-22T07:04:44Z"
    run_epoch:
      description: RV(busy[].run_at) in epoch seconds.
      returned: success
      type: float
      sample: 1795331084.0
schedule:
  description: Recurring jobs by name.
  returned: when O(sections) has V(schedule)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the entry.
      returned: success
      type: str
      sample: scheduled_statuses_scheduler
    source:
      description: Gem that runs it.
      returned: success
      type: str
      sample: sidekiq-scheduler
    class:
      description: Worker class.
      returned: success
      type: str
      sample: Scheduler::ScheduledStatusesScheduler
    queue:
      description: Queue it is enqueued to.
      returned: success
      type: str
      sample: scheduler
    enabled:
      description: Whether it is enabled.
      returned: success
      type: bool
      sample: true
    last_at:
      description: When it was due last. It says so for disabled entries too.
      returned: success
      type: str
      sample: "2026-11-22T07:00:00Z"
    last_epoch:
      description: RV(schedule[].last_at) in epoch seconds.
      returned: success
      type: float
      sample: 1795330800.0
    next_at:
      description: When it is due next; null where the gem does not tell.
      returned: success
      type: str
      sample: "2026-11-22T07:05:00Z"
    next_epoch:
      description: RV(schedule[].next_at) in epoch seconds.
      returned: success
      type: float
      sample: 1795331100.0
    overdue_by:
      description: Seconds since it should have been enqueued; V(0) if it is not late.
      returned: success
      type: float
      sample: 0.0
locks:
  description: Unique locks of sidekiq-unique-jobs.
  returned: when O(sections) has V(locks)
  type: dict
  contains:
    total:
      description: Locks that somebody holds.
      returned: success
      type: int
      sample: 14
    runtime:
      description: Those among them that are held only while their job runs.
      returned: success
      type: int
      sample: 1
    orphaned:
      description: Locks older than O(lock_min_age) whose job is in no queue, set or running process.
      returned: success
      type: int
      sample: 2
    uncertain:
      description: Locks that may be orphaned, or whose job began since the last heartbeat of a process that is silent.
      returned: success
      type: int
      sample: 0
    oldest_at:
      description: When the oldest was taken.
      returned: success
      type: str
      sample: "2026-11-22T07:04:38Z"
    oldest_epoch:
      description: RV(locks.oldest_at) in epoch seconds.
      returned: success
      type: float
      sample: 1795331078.813
    oldest_age:
      description: Seconds since then.
      returned: success
      type: float
      sample: 37.6
redis:
  description: Redis itself. Values are null where the server or its ACL does not tell.
  returned: when O(sections) has V(redis)
  type: dict
  contains:
    product:
      description: V(redis) or V(valkey).
      returned: success
      type: str
      sample: redis
    version:
      description: Its version.
      returned: success
      type: str
      sample: 7.0.15
    role:
      description: V(master) or V(slave), in Redis' words.
      returned: success
      type: str
      sample: master
    master_link:
      description: Of a replica, V(up) or V(down).
      returned: success
      type: str
      sample: null
    loading:
      description: Whether it still loads its data.
      returned: success
      type: bool
      sample: false
    uptime:
      description: Seconds.
      returned: success
      type: int
      sample: 86400
    used_memory:
      description: Bytes.
      returned: success
      type: int
      sample: 104857600
    maxmemory:
      description: Bytes; V(0) is no limit.
      returned: success
      type: int
      sample: 0
    system_memory:
      description: Bytes of the host.
      returned: success
      type: int
      sample: 8589934592
    eviction_policy:
      description: Should be V(noeviction).
      returned: success
      type: str
      sample: noeviction
    evicted_keys:
      description: Since it started.
      returned: success
      type: int
      sample: 0
    persistence:
      description: Snapshots and the append-only file, and whether the last write of each went well.
      returned: success
      type: dict
      sample: {"rdb": true, "rdb_last_save_ok": true, "aof": false, "aof_last_write_ok": true}
    clients:
      description: Connections.
      returned: success
      type: int
      sample: 31
    maxclients:
      description: Most connections it takes.
      returned: success
      type: int
      sample: 10000
    blocked_clients:
      description: Connections that wait, as idle Sidekiq threads do.
      returned: success
      type: int
      sample: 23
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_info


def main() -> None:
    run_redis.run(sidekiq_info.INFO_OPTIONS, sidekiq_info.info)


if __name__ == "__main__":
    main()
