#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_health_info
short_description: Say what is wrong with Sidekiq, with evidence and the fix
version_added: 1.0.0
description:
  - Takes the snapshot of M(fediverse.mastodon.sidekiq_info), looks into the queues and sets, and applies rules that know Mastodon.
  - Each finding says what is wrong, on which figures that rests, and what to do about it. The page L(What each finding means,
    https://github.com/fediverse-mastodon/ansible-collection/blob/main/docs/findings.md) explains them all.
  - Changes nothing. Job arguments are read but never returned.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.info_module
options:
  queue_latency:
    description:
      - Seconds that the next job of a queue may have waited before it is a warning, by queue.
      - The defaults are the limits above which Mastodon itself holds back. What you give replaces all of them.
    type: dict
    default:
      default: 5
      push: 10
      pull: 300
  queue_latency_other:
    description:
      - The same for every queue that O(queue_latency) does not name.
    type: float
    default: 300
  queue_latency_critical_factor:
    description:
      - It is critical when the latency is this many times the limit.
    type: float
    default: 10
  queue_size_warning:
    description:
      - More jobs than this in one queue are a warning.
    type: int
    default: 500
  queue_size_critical:
    description:
      - More jobs than this in one queue, or before an archive, are critical.
    type: int
    default: 1000
  busy_warning:
    description:
      - Seconds that a job may run before it is a warning.
    type: float
    default: 60
  busy_critical:
    description:
      - Seconds that a job may run before it is critical.
    type: float
    default: 600
  long_running_classes:
    description:
      - Worker classes (patterns with C(*)) that may run longer. The default are Mastodon's archives, deletions, imports, moves and clean-ups.
    type: list
    elements: str
    default:
      - BackupWorker
      - AccountDeletionWorker
      - Admin::AccountDeletionWorker
      - Admin::DomainPurgeWorker
      - Admin::SuspensionWorker
      - AccountMergingWorker
      - BulkImportWorker
      - DomainBlockWorker
      - DomainClearMediaWorker
      - MoveWorker
      - ActivityPub::MoveDistributionWorker
      - RegenerationWorker
      - "Scheduler::*"
  long_running_warning:
    description:
      - O(busy_warning) for them.
    type: float
    default: 3600
  long_running_critical:
    description:
      - O(busy_critical) for them.
    type: float
    default: 21600
  rss_warning:
    description:
      - Resident memory of a process above which it is a warning.
    type: bytes
    default: 500M
  rss_critical:
    description:
      - Resident memory of a process above which it is critical.
    type: bytes
    default: 1G
  redis_memory_warning:
    description:
      - Share of C(maxmemory) above which it is a warning.
    type: float
    default: 0.8
  redis_memory_critical:
    description:
      - Share of C(maxmemory) above which it is critical.
    type: float
    default: 0.95
  heartbeat_late:
    description:
      - Seconds since the last heartbeat above which it is a warning.
    type: float
    default: 30
  due_late:
    description:
      - Seconds that a retry or a scheduled job may be overdue; ten times as much is critical.
    type: float
    default: 60
  recurring_late:
    description:
      - Seconds that a recurring job may be overdue.
    type: float
    default: 300
  domain_share:
    description:
      - Share of all threads, or of all retries, above which one remote server is reported.
    type: float
    default: 0.5
  export_wait:
    description:
      - Seconds that an archive may wait in its queue.
    type: float
    default: 3600
  deaths_per_hour:
    description:
      - More jobs than this that died within the last hour are a warning. The size of the dead set is no sign of anything.
    type: int
    default: 10
  lock_age:
    description:
      - Seconds that a unique lock must be old to be taken for orphaned.
    type: float
    default: 300
  heartbeat_timeout:
    description:
      - A process tells what it runs with each heartbeat, every 5 or 10 seconds. Where an old lock seems to have no job, the module waits for the next
        heartbeat of every process and looks again, at most so many seconds.
      - If a process stays silent for so long, locks whose job it may run are not called orphaned. With V(0) nothing is waited for, and they are
        called orphaned only if no process is alive.
    type: float
    default: 15
  clock_offset:
    description:
      - Seconds by which the clocks of Redis, of the processes and of this host may differ.
    type: float
    default: 5
  survey_limit:
    description:
      - Jobs to read of each queue and set - of a queue those that run next, of a set those that are due first.
      - Where there are more, the finding C(survey_incomplete) says how many were not read, and locks are not judged.
    type: int
    default: 100000
  busy_limit:
    description:
      - How many of the longest running jobs RV(busy) lists. All of them are judged.
    type: int
    default: 10
seealso:
  - module: fediverse.mastodon.sidekiq_info
  - plugin: fediverse.mastodon.health_report
    plugin_type: filter
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: What is wrong on this Mastodon host
  fediverse.mastodon.sidekiq_health_info:
  become: true
  register: health

- name: Stop the play when jobs are lost or stand still
  ansible.builtin.assert:
    that: health.worst != 'critical'
    fail_msg: "{{ health.findings | map(attribute='summary') | join(' ') }}"

- name: A large server, where some thousand jobs in a queue are an ordinary evening
  fediverse.mastodon.sidekiq_health_info:
    redis_url: redis://redis.mastodon.example:6379/0
    queue_size_warning: 20000
    queue_size_critical: 100000
    queue_latency:
      default: 10
      push: 60
      pull: 1800
    rss_warning: 2G
    rss_critical: 4G
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
findings:
  description: What is wrong, worst first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Name of the rule.
      returned: success
      type: str
      sample: domain_holds_threads
    severity:
      description: V(critical) - jobs are lost or stand still; V(warning) - they will be, or users notice; V(notice) - good to know.
      returned: success
      type: str
      sample: critical
    subject:
      description: What it is about.
      returned: success
      type: str
      sample: domain gone.example
    summary:
      description: What is wrong, in a sentence.
      returned: success
      type: str
      sample: Jobs for gone.example hold 24 of 25 threads.
    evidence:
      description: The figures it rests on; their names depend on the rule.
      returned: success
      type: dict
      sample: {"held": 24, "threads": 25}
    fix:
      description: What to do, in words and commands.
      returned: success
      type: str
      sample: "See whether it answers: curl -sSm 10 https://gone.example/.well-known/nodeinfo"
counts:
  description: How many findings of each severity.
  returned: success
  type: dict
  sample: {"critical": 1, "warning": 4, "notice": 0}
worst:
  description: The worst severity found, or V(none).
  returned: success
  type: str
  sample: critical
totals:
  description: As RV(fediverse.mastodon.sidekiq_info#module:totals).
  returned: success
  type: dict
  sample: {"processed": 1283301, "failed": 20114, "enqueued": 18, "retry": 9, "scheduled": 5, "dead": 4, "processes": 3, "ghosts": 1, "busy": 2, "threads": 25}
queues:
  description: As RV(fediverse.mastodon.sidekiq_info#module:queues).
  returned: success
  type: list
  elements: dict
  sample:
    - name: pull
      size: 4
      latency: 41.464
      processes: ["worker-1.example:1856:c98a7640857b"]
      paused: false
      registered: true
busy:
  description: The longest running jobs, as RV(fediverse.mastodon.sidekiq_info#module:busy), at most O(busy_limit).
  returned: success
  type: list
  elements: dict
  sample:
    - identity: worker-1.example:1856:c98a7640857b
      thread: dg
      jid: 7315dc4675986a31ef9294ab
      class: BackupWorker
      queue: pull
      domain: null
      elapsed: 72.4
      run_at: "2026-11-22T07:04:44Z"
      run_epoch: 1795331084.0
redis:
  description: As RV(fediverse.mastodon.sidekiq_info#module:redis).
  returned: success
  type: dict
  sample: {"product": "redis", "version": "7.0.15", "role": "master", "eviction_policy": "noeviction"}
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_info


def main() -> None:
    run_redis.run(sidekiq_info.HEALTH_OPTIONS, sidekiq_info.health)


if __name__ == "__main__":
    main()
