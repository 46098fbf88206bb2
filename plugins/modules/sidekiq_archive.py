#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_archive
short_description: Put back the jobs that an edit took out
version_added: 1.0.0
description:
  - Puts the jobs of an archive of M(fediverse.mastodon.sidekiq_job) back where they were, with their scores, their order, the registration of
    their queue, and their unique locks unless another job has taken them.
  - Each job is put back once, however often the archive is restored and whenever a run was killed. A selection restores a part,
    also by O(sets) or O(queues) alone. Without a selection the whole archive is restored.
  - They go into the Redis from which they were taken, by whatever address it is reached. One that does not know the archive is refused, which is
    another one, another database, or one whose data were lost or set back to a time before the edit; O(force) restores into it.
  - An edit that still runs, even though the playbook that started it is gone, is waited for; after a minute the task fails and restores nothing.
  - Jobs that an edit moved (O(fediverse.mastodon.sidekiq_job#module:state=moved), V(dead), V(enqueued)) are fetched from where they went; those
    that are no longer there have moved on and are left alone.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.selector
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.state_module
options:
  state:
    description:
      - What is to become of the archive's jobs.
    type: str
    choices: [restored]
    default: restored
  path:
    description:
      - The archive, on the host that runs the module.
    type: path
    required: true
  limit:
    description:
      - Puts back no more jobs than this, those first that were taken out first; the task can be run again for the next ones.
    type: int
  force:
    description:
      - Puts the jobs into a Redis that does not know the archive, too, except those that wait in their place there already. From then on it
        knows the archive.
      - Without an outcome in the archive (the edit was killed) this puts back every job of the archive that does not wait in its place.
      - Make sure that they do not run, or have run, in the Redis of the archive. Redis knows an archive for 90 days.
    type: bool
    default: false
seealso:
  - module: fediverse.mastodon.sidekiq_job
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Undo an edit
  fediverse.mastodon.sidekiq_archive:
    path: "{{ taken.archive }}"
  when: taken.archive is not none

- name: Put back only what went to one server
  fediverse.mastodon.sidekiq_archive:
    path: /root/.local/state/fediverse.mastodon/archives/20261122T070556Z-absent-73643a966f862de1.jsonl.gz
    domains:
      - back.example

- name: Put back ten
  fediverse.mastodon.sidekiq_archive:
    path: /root/.local/state/fediverse.mastodon/archives/20261122T070556Z-absent-73643a966f862de1.jsonl.gz
    limit: 10
  register: restored

- name: See whether they go through
  fediverse.mastodon.sidekiq_wait:
    until:
      - jids: "{{ restored.jids }}"
    timeout: 5m
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
archive:
  description: The archive.
  returned: success
  type: str
  sample: /root/.local/state/fediverse.mastodon/archives/20261122T070556Z-absent-73643a966f862de1.jsonl.gz
total:
  description: Jobs in it.
  returned: success
  type: int
  sample: 3000
restored:
  description: Jobs that were put back now.
  returned: success
  type: int
  sample: 3000
already_restored:
  description: Jobs that are back since an earlier run.
  returned: success
  type: int
  sample: 0
not_taken:
  description: Jobs that the edit did not take out, because it ended early or they were gone, or that are there because Redis has lost the edit.
  returned: success
  type: int
  sample: 2
moved_on:
  description: Jobs that the edit had moved and that are no longer there. Not known in check mode.
  returned: success
  type: int
  sample: 0
remaining:
  description: Jobs that match, too, and that O(limit) leaves in the archive.
  returned: success
  type: int
  sample: 0
locks_taken:
  description: Unique locks that were taken again. Not known in check mode.
  returned: success
  type: int
  sample: 12
jids:
  description: Ids of those that are put back, ten thousand at most. Only with O(limit), else empty.
  returned: success
  type: list
  elements: str
  sample: ["7315dc4675986a31ef9294ab"]
began_epoch:
  description: When the module began, in epoch seconds of the clock of Redis.
  returned: success
  type: float
  sample: 1795331156.5
by_set:
  description: Those that are put back, by set.
  returned: success
  type: dict
  sample: {"queues": 300}
by_queue:
  description: Those that are put back, by queue.
  returned: success
  type: dict
  sample: {"push": 300}
by_class:
  description: Those that are put back, by worker class, the most frequent first.
  returned: success
  type: dict
  sample: {"ActivityPub::DeliveryWorker": 300}
by_domain:
  description: Those that are put back, by remote server, the most frequent first, a thousand at most.
  returned: success
  type: dict
  sample: {"gone.example": 300}
by_error:
  description: Those that are put back, by error class, the most frequent first, a thousand at most.
  returned: success
  type: dict
  sample: {"HTTP::TimeoutError": 300}
by_age:
  description: Those that are put back, by how long they have been where they are; V(1m) is less than a minute, V(older) seven days or more.
  returned: success
  type: dict
  sample: {"1h": 200, "6h": 100}
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job


def main() -> None:
    run_redis.run(sidekiq_job.ARCHIVE_OPTIONS, sidekiq_job.restore)


if __name__ == "__main__":
    main()
