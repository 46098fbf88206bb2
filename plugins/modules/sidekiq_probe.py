#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_probe
short_description: Send a job that does nothing through each queue
version_added: 1.0.0
description:
  - Puts a job to the end of each queue that a process serves, and waits until it is taken. So it passes everything that waits there now.
  - The job is C(LinkCrawlWorker) for the post with the id 0. No post has that id, and for one that does not exist this worker of Mastodon
    returns at once, in all releases. It is tried once, and taken back if it was not taken in time.
  - That it was taken says that the queue moves. How the job ended Sidekiq does not tell.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: none
    details:
      - Each invocation sends jobs.
options:
  queues:
    description:
      - Names of queues; by default all that are registered or served.
    type: list
    elements: str
  timeout:
    description:
      - How long to wait, such as V(30s).
    type: str
    default: 30s
  worker:
    description:
      - The class of the job. It must do nothing, for O(args).
    type: str
    default: LinkCrawlWorker
  args:
    description:
      - The arguments of the job.
    type: list
    elements: raw
    default: [0]
seealso:
  - module: fediverse.mastodon.sidekiq_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: See whether every queue moves
  fediverse.mastodon.sidekiq_probe:
    timeout: 1m
  register: probe
  failed_when: not probe.passed
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
passed:
  description: Whether the job passed every queue. False if there was none to probe.
  returned: success
  type: bool
  sample: true
reason:
  description: Why not; null if it did.
  returned: success
  type: str
  sample: null
queues:
  description: The queues that were probed.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the queue.
      returned: success
      type: str
      sample: pull
    passed:
      description: Whether the job left the queue.
      returned: success
      type: bool
      sample: true
    ahead:
      description: Jobs that were before it.
      returned: success
      type: int
      sample: 12
    seconds:
      description: How long it took; null if it was not taken.
      returned: success
      type: float
      sample: 0.5
    reason:
      description: Why it did not pass; null if it did.
      returned: success
      type: str
      sample: null
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_probe


def main() -> None:
    run_redis.run(sidekiq_probe.OPTIONS, sidekiq_probe.probe)


if __name__ == "__main__":
    main()
