#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_job
short_description: Delete, run, kill, move or reschedule jobs
version_added: 1.0.0
description:
  - Edits the jobs that a selection picks, in small atomic steps that hold Redis for some milliseconds each, while workers and producers go on.
  - Every job that will leave its place is written into an archive, on the disk, before the first one does. M(fediverse.mastodon.sidekiq_archive)
    puts them back, once, however often it is run.
  - Jobs that run are never edited. A job that left meanwhile is counted as RV(gone), not an error.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.selector
  - fediverse.mastodon.run
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.state_module
options:
  state:
    description:
      - What is to become of the jobs.
      - V(absent) deletes them.
      - V(enqueued) runs those of the sets now. A job goes straight to its queue with one try given back; one with a unique lock, and with
        O(spread), goes through Sidekiq's own poller, which asks the lock. One whose lock another job holds stays where it is (RV(kept)).
      - V(dead) kills them. Death handlers do not run, and the dead set is not trimmed.
      - V(moved) puts them into O(to_queue).
      - V(rescheduled) runs them O(at) a time or O(in) some time.
      - V(unique) deletes all but the oldest of the jobs with the same class and arguments.
    type: str
    required: true
    choices: [absent, enqueued, dead, moved, rescheduled, unique]
  to_queue:
    description:
      - Where O(state=moved) puts them.
    type: str
  at:
    description:
      - When O(state=rescheduled) runs them, as ISO 8601 (without a zone in UTC) such as V(2026-11-22T18:00:00Z), or in epoch seconds (ten digits).
    type: str
  in:
    description:
      - In how long O(state=rescheduled) runs them, such as V(2h). Jobs within a minute of that are left as they are.
    type: str
  spread:
    description:
      - Spreads the jobs evenly over this time instead of running all at once, such as V(10m).
    type: str
  max_jobs:
    description:
      - Refuses, before anything is touched, if more jobs than this would be edited; V(0) refuses any.
    type: int
  limit:
    description:
      - Edits no more jobs than this, those that would run first.
    type: int
  time_limit:
    description:
      - Stops after this time, such as V(30s), at a step's end.
    type: str
  force:
    description:
      - Edits members of batches, encrypted jobs, jobs whose unique lock another job holds, and other tools' private queues, too.
    type: bool
    default: false
  archive_dir:
    description:
      - Directory for archives, on the host that runs the module. Is made with mode 0700, the archives have 0600.
    type: path
    default: ~/.local/state/fediverse.mastodon/archives
seealso:
  - module: fediverse.mastodon.sidekiq_job_info
  - module: fediverse.mastodon.sidekiq_archive
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Take the deliveries to a dead server out of everything
  fediverse.mastodon.sidekiq_job:
    state: absent
    domains:
      - gone.example
      - "*.gone.example"
  register: taken

- name: Retry what failed by a full disk, over ten minutes
  fediverse.mastodon.sidekiq_job:
    state: enqueued
    sets:
      - retry
    errors:
      - Errno::ENOSPC
    spread: 10m

- name: Keep one of each archive that was asked for twice
  fediverse.mastodon.sidekiq_job:
    state: unique
    classes:
      - BackupWorker

- name: Give the deliveries of a mass deletion a queue of their own
  fediverse.mastodon.sidekiq_job:
    state: moved
    queues:
      - pull
    classes:
      - ActivityPub::LowPriorityDeliveryWorker
    to_queue: slow
    max_jobs: 100000
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
matched:
  description: Jobs that the selection picks.
  returned: success
  type: int
  sample: 3010
edited:
  description: Jobs that were changed.
  returned: success
  type: int
  sample: 3000
gone:
  description: Jobs that left by themselves before they could be.
  returned: success
  type: int
  sample: 2
unchanged:
  description: Jobs that were as wanted already.
  returned: success
  type: int
  sample: 0
kept:
  description: Jobs that were left, by the reason - V(batch), V(encrypted), V(private_queue), V(malformed), V(locked), V(already_there), V(queue_name),
    V(too_large). V(locked) means that another job holds the unique lock without which this one would be dropped. O(force) edits them, but no member
    that is no job at all, none whose bytes are in the set to which it would go (V(already_there)), none in a queue whose name is no UTF-8
    (V(queue_name)), which no archive can name, and none of more than 48 MiB (V(too_large)), which no archive could bring back in bounded memory.
  returned: success
  type: dict
  sample: {"batch": 8}
remaining:
  description: Jobs that match and were not edited.
  returned: success
  type: int
  sample: 8
complete:
  description: Whether neither O(limit) nor O(time_limit) ended it early.
  returned: success
  type: bool
  sample: true
by_set:
  description: Those that were edited, by set.
  returned: success
  type: dict
  sample: {"queues": 300}
by_queue:
  description: Those that were edited, by queue.
  returned: success
  type: dict
  sample: {"push": 300}
by_class:
  description: Those that were edited, by worker class, the most frequent first.
  returned: success
  type: dict
  sample: {"ActivityPub::DeliveryWorker": 300}
by_domain:
  description: Those that were edited, by remote server, the most frequent first, a thousand at most.
  returned: success
  type: dict
  sample: {"gone.example": 300}
by_error:
  description: Those that were edited, by error class, the most frequent first, a thousand at most.
  returned: success
  type: dict
  sample: {"HTTP::TimeoutError": 300}
by_age:
  description: Those that were edited, by how long they have been where they are; V(1m) is less than a minute, V(older) seven days or more.
  returned: success
  type: dict
  sample: {"1h": 200, "6h": 100}
archive:
  description: The archive; null in check mode and if nothing was edited.
  returned: success
  type: str
  sample: /root/.local/state/fediverse.mastodon/archives/20261122T070556Z-absent-73643a966f862de1.jsonl.gz
locks_freed:
  description: Unique locks that were freed with their jobs.
  returned: success
  type: int
  sample: 12
duration:
  description: Seconds.
  returned: success
  type: float
  sample: 0.834
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_job


def main() -> None:
    run_redis.run(sidekiq_job.JOB_OPTIONS, sidekiq_job.edit_jobs)


if __name__ == "__main__":
    main()
