#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_wait
short_description: Wait for queues, jobs and processes
version_added: 1.0.0
description:
  - Waits until all conditions hold at once, and shows on the terminal how far it is - what is left, how much is done in a second, and about how
    long it will take. On a terminal, and for a single host, this is a bar; elsewhere, such as in CI, a line every half minute.
  - What heartbeats tell (running jobs, and whether a job has finished) counts when every process has beaten once more, as a process says
    only every 5 s (Sidekiq 6) or 10 s what it runs.
  - There is a corresponding action plugin, which shows the progress.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.info_module
options:
  until:
    description:
      - Conditions, all of which must hold. Each has one of O(until[].size), O(until[].latency), O(until[].due), O(until[].busy),
        O(until[].processes), O(until[].gone), O(until[].jid), O(until[].jids) and O(until[].schedule_moving).
    type: list
    elements: dict
    required: true
    suboptions:
      queue:
        description:
          - The queue whose O(until[].size) or O(until[].latency) is meant. With O(until[].busy) only jobs from this queue count, with
            O(until[].processes) only processes that serve it.
        type: str
      set:
        description:
          - The set whose O(until[].size) is meant, or whose O(until[].due) jobs.
        type: str
        choices: [retry, scheduled, dead]
      size:
        description:
          - At most so many jobs in O(until[].queue) or O(until[].set).
        type: int
      latency:
        description:
          - The job that runs next has waited in O(until[].queue) no longer than this, such as V(30s).
        type: str
      due:
        description:
          - At most so many jobs of O(until[].set) whose time has come.
        type: int
      busy:
        description:
          - At most so many running jobs.
        type: int
      processes:
        description:
          - At least so many processes that beat and take jobs.
        type: int
      hostname:
        description:
          - With O(until[].busy) and O(until[].processes), only those on this host.
        type: str
      tag:
        description:
          - With O(until[].busy) and O(until[].processes), only those with this tag.
        type: str
      identity:
        description:
          - With O(until[].busy), only the jobs of this process.
        type: str
      class:
        description:
          - With O(until[].busy), only jobs of this worker class; C(*) and C(?) are wildcards.
        type: str
      gone:
        description:
          - The process of this identity has ended.
        type: str
      jid:
        description:
          - The job of this id has finished, so that it neither waits anywhere nor runs. If it is dead the task fails.
        type: str
      jids:
        description:
          - Each of the jobs of these ids has an outcome, which RV(conditions[].outcomes) counts. A job has finished (it neither waits anywhere nor
            runs), has failed (it is dead, or was tried since O(until[].since) and failed), or is a retry or a scheduled job that is not due yet.
          - A job that fails and is not retried leaves nothing behind, so it counts as finished.
        type: list
        elements: str
      since:
        description:
          - With O(until[].jids), failures before this moment do not count. In epoch seconds, as
            RV(fediverse.mastodon.sidekiq_archive#module:began_epoch) returns it.
        type: float
      schedule_moving:
        description:
          - V(true) means that no scheduled job or retry is overdue by more than a minute, and no recurring one by more than five.
        type: bool
  timeout:
    description:
      - Fails after this time, saying how far it came.
    type: str
    default: 10m
  interval:
    description:
      - Time between two looks.
    type: str
    default: 5s
notes:
  - O(until[].jid) and O(until[].jids) read through all queues and sets at each look. Where there are millions of jobs, give it a longer O(interval).
seealso:
  - module: fediverse.mastodon.sidekiq_info
  - module: fediverse.mastodon.sidekiq_process
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Wait until the deliveries have caught up
  fediverse.mastodon.sidekiq_wait:
    until:
      - queue: push
        latency: 30s
      - set: retry
        due: 0
    timeout: 2h

- name: Wait until nothing runs on this host any more
  fediverse.mastodon.sidekiq_wait:
    until:
      - busy: 0
        hostname: "{{ ansible_facts.nodename }}"
    timeout: 5m

- name: Wait until a new process serves the archives
  fediverse.mastodon.sidekiq_wait:
    until:
      - gone: social:1234:34d5427f5d20
      - processes: 1
        queue: pull

- name: Wait until ten jobs that were restored have finished or failed
  fediverse.mastodon.sidekiq_wait:
    until:
      - jids: "{{ restored.jids }}"
        since: 1795331156.5
    timeout: 5m

- name: Wait for one job
  fediverse.mastodon.sidekiq_wait:
    until:
      - jid: 8c7e6b1f0b9f6f7d3c2a1b0f
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
met:
  description: Whether all conditions hold.
  returned: success
  type: bool
  sample: true
conditions:
  description: The conditions as they were last seen, in the order of O(until).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What is looked at.
      returned: success
      type: str
      sample: latency of queue push
    wanted:
      description: What it should be.
      returned: success
      type: str
      sample: at most 30 s
    observed:
      description: What it is.
      returned: success
      type: raw
      sample: 12.3
    left:
      description: How much there is to go; null where that cannot be counted.
      returned: success
      type: float
      sample: 0.0
    met:
      description: Whether it holds.
      returned: success
      type: bool
      sample: true
    outcomes:
      description: How many jobs of O(until[].jids) have finished, failed, run, wait, or are not due yet. Null for other conditions.
      returned: success
      type: dict
      sample: {"finished": 8, "failed": 1, "running": 1, "waiting": 0, "later": 0}
    by_heartbeat:
      description: Whether heartbeats tell it, so that it counts when every process has beaten once more.
      returned: success
      type: bool
      sample: false
heartbeats:
  description: When each process that is alive last beat, in epoch seconds.
  returned: success
  type: dict
  sample: {"social:1234:34d5427f5d20": 1795331156.5}
would_wait:
  description: Whether not all of them held at once, so that it waited, or, in check mode, would.
  returned: success
  type: bool
  sample: true
elapsed:
  description: Seconds.
  returned: success
  type: float
  sample: 95.2
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_wait


def main() -> None:
    run_redis.run(sidekiq_wait.OPTIONS, sidekiq_wait.wait)


if __name__ == "__main__":
    main()
