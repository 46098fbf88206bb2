#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_job_info
short_description: Count and list jobs that match a selection
version_added: 1.0.0
description:
  - Reads queues and sets, counts the jobs that match by set, queue, class, remote server, error and age, and lists some of them.
  - The totals are always complete, whatever O(limit) says. A million jobs take some ten seconds.
  - O(sets) or O(queues) alone counts every job there, as nothing is changed.
  - Arguments are private. They are not returned unless O(show_args=true).
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.selector
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.info_module
options:
  limit:
    description:
      - How many jobs to list in RV(jobs).
    type: int
    default: 20
  sort:
    description:
      - Which ones - those that have been there longest, shortest, or that failed most often.
    type: str
    choices: [oldest, newest, attempts]
    default: oldest
  show_args:
    description:
      - Whether to list the arguments, too. They hold private posts and mail.
    type: bool
    default: false
seealso:
  - module: fediverse.mastodon.sidekiq_job
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: What fills the queue pull
  fediverse.mastodon.sidekiq_job_info:
    queues:
      - pull
  register: pull

- name: Which servers fail most
  fediverse.mastodon.sidekiq_job_info:
    sets:
      - retry
    errors:
      - HTTP::*
    older_than: 1h
    limit: 0
  register: failing

- name: By an expression over the job
  fediverse.mastodon.sidekiq_job_info:
    where: "attempts > `5` && queue == 'push' && domain != null"
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
total:
  description: How many match.
  returned: success
  type: int
  sample: 20404
by_set:
  description: Those that match, by set.
  returned: success
  type: dict
  sample: {"queues": 300}
by_queue:
  description: Those that match, by queue.
  returned: success
  type: dict
  sample: {"push": 300}
by_class:
  description: Those that match, by worker class, the most frequent first.
  returned: success
  type: dict
  sample: {"ActivityPub::DeliveryWorker": 300}
by_domain:
  description: Those that match, by remote server, the most frequent first, a thousand at most.
  returned: success
  type: dict
  sample: {"gone.example": 300}
by_error:
  description: Those that match, by error class, the most frequent first, a thousand at most.
  returned: success
  type: dict
  sample: {"HTTP::TimeoutError": 300}
by_age:
  description: Those that match, by how long they have been where they are; V(1m) is less than a minute, V(older) seven days or more.
  returned: success
  type: dict
  sample: {"1h": 200, "6h": 100}
oldest_at:
  description: Since when the oldest is where it is.
  returned: success
  type: str
  sample: "2026-11-22T04:05:56Z"
newest_at:
  description: Since when the newest is where it is.
  returned: success
  type: str
  sample: "2026-11-22T07:05:56Z"
duplicates:
  description: Jobs of the same class with the same arguments.
  returned: success
  type: dict
  contains:
    groups:
      description: Different jobs of which there is more than one.
      returned: success
      type: int
      sample: 1
    jobs:
      description: Jobs in these groups.
      returned: success
      type: int
      sample: 3
    removable:
      description: How many could go, with the oldest of each kept. O(fediverse.mastodon.sidekiq_job#module:state=unique) removes them.
      returned: success
      type: int
      sample: 2
jobs:
  description: At most O(limit) of them, in the order of O(sort).
  returned: success
  type: list
  elements: dict
  contains:
    class:
      description: Worker class.
      returned: success
      type: str
      sample: BackupWorker
    jid:
      description: Id of the job.
      returned: success
      type: str
      sample: 7315dc4675986a31ef9294ab
    queue:
      description: Queue it is in or will go to.
      returned: success
      type: str
      sample: pull
    set:
      description: V(queues), V(retry), V(scheduled) or V(dead).
      returned: success
      type: str
      sample: queues
    position:
      description: Place in its queue or set; V(0) runs next.
      returned: success
      type: int
      sample: 20000
    created_at:
      description: When it was created.
      returned: success
      type: str
      sample: "2026-11-22T06:40:56Z"
    enqueued_at:
      description: When it was last put into a queue.
      returned: success
      type: str
      sample: "2026-11-22T06:40:56Z"
    at:
      description: Of a set, when it will run, or died.
      returned: success
      type: str
      sample: null
    attempts:
      description: How often it failed.
      returned: success
      type: int
      sample: 0
    error_class:
      description: Class of the last error.
      returned: success
      type: str
      sample: null
    error_message:
      description: Message of the last error.
      returned: success
      type: str
      sample: null
    domain:
      description: Remote server it deals with.
      returned: success
      type: str
      sample: null
    tags:
      description: Its tags.
      returned: success
      type: list
      elements: str
      sample: []
    locked:
      description: Whether it carries a unique lock.
      returned: success
      type: bool
      sample: false
    malformed:
      description: Why it is no job; null if it is one.
      returned: success
      type: str
      sample: null
    args:
      description: Its arguments.
      returned: when O(show_args=true)
      type: list
      elements: raw
      sample: [1101]
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job


def main() -> None:
    run_redis.run(sidekiq_job.INFO_OPTIONS, sidekiq_job.job_info)


if __name__ == "__main__":
    main()
