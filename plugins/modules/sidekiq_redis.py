#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_redis
short_description: Set up the Redis of Sidekiq so that it keeps the jobs
version_added: 1.0.0
description:
  - Sets the memory limit, the eviction policy and the persistence of the Redis that Sidekiq uses, in effect at once and in its configuration
    file (C(CONFIG SET), C(CONFIG REWRITE)). Nothing else is touched, and no key is ever deleted.
  - Without any of its own options it only tells what is set.
  - Refuses what would lose jobs, unless O(accept_job_loss=true).
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.state_module
options:
  maxmemory:
    description:
      - The most memory for data, as in C(redis.conf), such as V(2gb) or V(512mb). V(0) is no limit.
      - It must be more than is in use, and may only be set or lowered where the policy is or becomes V(noeviction).
    type: str
  eviction_policy:
    description:
      - What Redis deletes when its memory is short. Sidekiq needs V(noeviction), with which an enqueue fails instead.
      - All others may delete whole queues, and need O(accept_job_loss=true).
    type: str
    choices: [noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl]
  append_only:
    description:
      - Whether Redis writes every change to its append-only file.
    type: bool
  snapshots:
    description:
      - When Redis saves a snapshot, as pairs of seconds, from 1 on, and changes, such as V(3600 1 300 100). An empty string turns it off.
    type: str
  persist:
    description:
      - Whether what is set goes into the configuration file too. It also puts right a file that lacks what somebody set by hand, if it can be
        read on the machine where the task runs.
    type: bool
    default: true
  accept_job_loss:
    description:
      - Accepts a policy that may delete queues, or a limit with which it would; no persistence at all; and a O(maxmemory) that is used up
        already.
    type: bool
    default: false
seealso:
  - module: fediverse.mastodon.sidekiq_health_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: No eviction, an append-only file, and a limit
  fediverse.mastodon.sidekiq_redis:
    eviction_policy: noeviction
    append_only: true
    maxmemory: 2gb
  become: true
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
used_memory:
  description: Bytes in use.
  returned: success
  type: int
  sample: 104857600
settings:
  description: What is set after the task; in check mode what would be.
  returned: success
  type: dict
  contains:
    maxmemory:
      description: Bytes; V(0) is no limit.
      returned: success
      type: int
      sample: 2147483648
    eviction_policy:
      description: The policy.
      returned: success
      type: str
      sample: noeviction
    append_only:
      description: Whether the append-only file is on.
      returned: success
      type: bool
      sample: true
    snapshots:
      description: When snapshots are saved; empty for never.
      returned: success
      type: str
      sample: 3600 1 300 100 60 10000
set:
  description: The options that were not in effect.
  returned: success
  type: list
  elements: str
  sample: [append_only, maxmemory]
config_file:
  description: The configuration file of Redis, on its own host; null if it runs without one.
  returned: success
  type: str
  sample: /etc/redis/redis.conf
rewritten:
  description: Whether the file was written.
  returned: success
  type: bool
  sample: true
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_redis


def main() -> None:
    run_redis.run(sidekiq_redis.REDIS_OPTIONS, sidekiq_redis.set_up)


if __name__ == "__main__":
    main()
