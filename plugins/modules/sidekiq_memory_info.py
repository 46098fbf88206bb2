#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_memory_info
short_description: Show whose keys use the memory of Redis
version_added: 1.0.0
description:
  - Goes through the keys of the database, groups them by whose they are (Sidekiq's, its plugins', Mastodon's feeds and others), and measures
    some of each group.
  - Says what M(fediverse.mastodon.sidekiq_job) can archive and take out, what hurts least first.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.info_module
options:
  max_keys:
    description:
      - Looks at no more keys than this.
    type: int
    default: 200000
  samples:
    description:
      - Measures no more keys of a family than this, and takes the others to be like them. Queues and sets of jobs are all measured.
    type: int
    default: 200
seealso:
  - module: fediverse.mastodon.sidekiq_job
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: See what fills Redis
  fediverse.mastodon.sidekiq_memory_info:
  register: memory
"""

RETURN = r"""
server:
  description: The Redis that was read, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
used_bytes:
  description: What Redis uses.
  returned: success
  type: int
  sample: 912680550
maxmemory_bytes:
  description: What it may use; V(0) is no limit.
  returned: success
  type: int
  sample: 1073741824
used_percent:
  description: The share of it; null without a limit.
  returned: success
  type: float
  sample: 85.0
eviction_policy:
  description: What Redis does when it is full. Only V(noeviction) loses no jobs.
  returned: success
  type: str
  sample: noeviction
key_count:
  description: Keys of the database.
  returned: success
  type: int
  sample: 80214
scanned:
  description: Keys that were looked at.
  returned: success
  type: int
  sample: 80214
complete:
  description: Whether these were all.
  returned: success
  type: bool
  sample: true
families:
  description: The keys by whose they are, the largest first.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What they are.
      returned: success
      type: str
      sample: queues
    owner:
      description: Whose they are.
      returned: success
      type: str
      sample: Sidekiq
    key_count:
      description: How many.
      returned: success
      type: int
      sample: 5
    measured:
      description: How many of them were measured.
      returned: success
      type: int
      sample: 5
    bytes:
      description: What they use; an estimate if not all were measured.
      returned: success
      type: int
      sample: 410241024
suggestions:
  description: What can be archived and taken out, what hurts least first, and of that what frees most.
  returned: success
  type: list
  elements: dict
  contains:
    what:
      description: What it is.
      returned: success
      type: str
      sample: the dead set
    bytes:
      description: What it frees at most.
      returned: success
      type: int
      sample: 20480000
    effect:
      description: What it does to people.
      returned: success
      type: str
      sample: "nothing: they wait for nobody"
    selection:
      description: Options of M(fediverse.mastodon.sidekiq_job).
      returned: success
      type: dict
      sample: {"state": "absent", "sets": ["dead"], "all": true}
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_memory_info


def main() -> None:
    run_redis.run(sidekiq_memory_info.OPTIONS, sidekiq_memory_info.memory_info)


if __name__ == "__main__":
    main()
