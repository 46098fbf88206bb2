#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_lock
short_description: Free unique locks whose job is gone
version_added: 1.0.0
description:
  - Looks for the job of every unique lock of sidekiq-unique-jobs (7.1, 8) in all queues, sets and running processes, however long the queues are,
    and frees the locks whose job is nowhere. The gem's own reaper gives up when more than 1,000 jobs are queued.
  - A process tells what it runs with each heartbeat, every 5 or 10 seconds. So where a job is missing, the module waits for the next heartbeat of every
    process and looks again. Until then the job may have just begun, and its lock is kept.
  - A lock of a living job is never freed without O(force). Each lock is freed only if it is still held by whom it was seen with.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.state_module
options:
  state:
    description:
      - What is to become of the locks.
    type: str
    choices: [absent]
    default: absent
  digests:
    description:
      - Digests of locks, with C(*) and C(?) as wildcards. An empty list means no lock.
    type: list
    elements: str
    default: ["*"]
  min_age:
    description:
      - Younger locks are left alone; their job may be just on its way.
    type: str
    default: 5m
  max_locks:
    description:
      - Refuses, before anything is touched, if more locks than this would be freed.
    type: int
  heartbeat_timeout:
    description:
      - How long to wait at most for those heartbeats. If a process stays silent for so long, the locks whose job may run in it are kept, and
        RV(kept) counts them as V(uncertain).
      - With V(0s) nothing is waited for. Locks are then freed only if no process is alive.
    type: str
    default: 15s
  force:
    description:
      - Frees the locks that O(digests) names, even if their job lives. The same job may then run twice.
    type: bool
    default: false
seealso:
  - module: fediverse.mastodon.sidekiq_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Free what crashed processes left behind
  fediverse.mastodon.sidekiq_lock:
    min_age: 15m
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
total:
  description: Locks that somebody holds.
  returned: success
  type: int
  sample: 51
matched:
  description: Locks that O(digests) means.
  returned: success
  type: int
  sample: 51
freed:
  description: Locks that were freed.
  returned: success
  type: int
  sample: 12
kept:
  description:
    - Locks that were left, by the reason - V(live), V(young), V(outlives_job) for C(until_expired), V(uncertain) while a process is silent that may
      run the job.
  returned: success
  type: dict
  sample: {"live": 39}
silent_processes:
  description: Processes that did not say within O(heartbeat_timeout) what they run. Empty if no lock depends on them.
  returned: success
  type: list
  elements: str
  sample: []
digests:
  description: Digests that were freed, a hundred at most.
  returned: success
  type: list
  elements: str
  sample: ["uniquejobs:1941d97a3904fd09cdd4aebe05320b1c"]
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_lock


def main() -> None:
    run_redis.run(sidekiq_lock.LOCK_OPTIONS, sidekiq_lock.free_locks)


if __name__ == "__main__":
    main()
