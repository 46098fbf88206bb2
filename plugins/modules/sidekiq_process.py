#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_process
short_description: Make Sidekiq processes quiet, stop them, and remove ghosts
version_added: 1.0.0
description:
  - Tells processes to take no more jobs, or to end, and waits until they do. Says which jobs run in them, and what became of each.
  - Signals go through Redis, so this works from any host. A process takes one with each heartbeat, every 5 s (Sidekiq 6) or 10 s.
  - On the host of the process itself, O(signal=KILL) ends one that does not listen, also one that runs in a container there. The task must run
    outside of containers. Its running jobs are written to the disk before and put back after, so that none is lost.
  - All conditions that are given must hold. A list that is given and empty is a condition that no process fulfils.
  - Each list of names may be given as one text. White space and commas part the names, commas and line breaks those in O(tags). A name that cannot be
    one by its form, such as an identity without a pid, is an error.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.run
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.state_module
options:
  state:
    description:
      - V(quiet) means that a process takes no more jobs; those that run go on. Only a restart makes it work again.
      - V(stopped) ends it. A unit with C(Restart=always), as Mastodon's is, comes back at once, as a new process.
      - V(stopped) also takes a dead process whose heartbeat has not expired, because a container crashed and a newer process has its host name
        and pid. It waits until the heartbeat expires, up to a minute, and restores the jobs.
      - V(absent) removes ghosts, processes whose heartbeat has expired, from the registry; all of them, if no condition is given.
    type: str
    required: true
    choices: [quiet, stopped, absent]
  identities:
    description:
      - Identities of processes, as RV(fediverse.mastodon.sidekiq_info#module:processes[].identity) has them.
    type: list
    elements: str
  hostnames:
    description:
      - Names of the hosts on which they run.
    type: list
    elements: str
  tags:
    description:
      - Their tags, by default the name of the application's directory.
    type: list
    elements: str
  queues:
    description:
      - Queues that they serve, one of which is enough.
    type: list
    elements: str
  running:
    description:
      - Only processes in which a job runs that fulfils all of these conditions.
    type: dict
    suboptions:
      classes:
        description:
          - Worker classes as the Web UI shows them, with C(*) and C(?) as wildcards.
        type: list
        elements: str
      queues:
        description:
          - Queues from which the job was taken.
        type: list
        elements: str
      domains:
        description:
          - Remote servers that the job deals with. V(*.example.com) means all subdomains of example.com, but not itself.
        type: list
        elements: str
      jids:
        description:
          - Ids of jobs.
        type: list
        elements: str
      longer_than:
        description:
          - Only jobs that have run for longer, such as V(30m).
        type: str
  wait:
    description:
      - Waits until the processes are as wanted. Without it the result does not say what became of the jobs.
      - With O(signal=KILL) it always waits.
    type: bool
    default: true
  wait_timeout:
    description:
      - Fails after this time, saying how far it came.
      - Stopping takes up to a heartbeat, and then as long as the process gives its jobs (C(timeout) in C(config/sidekiq.yml), by default 25 s).
    type: str
    default: 90s
  max_running:
    description:
      - Refuses, before anything is touched, if more RV(other_jobs) than this run in the processes, as of their last heartbeats.
    type: int
  signal:
    description:
      - How a process is stopped.
      - V(TERM) lets it finish what it can within its C(timeout), and push back the rest.
      - V(KILL) makes it quiet, waits for a heartbeat that tells all that it runs, writes these jobs into an archive, and kills it. It
        needs the rights to do so, usually those of root.
    type: str
    choices: [TERM, KILL]
    default: TERM
  lost_jobs:
    description:
      - What is done with the jobs that ran in a process that did not end by itself, and that are found nowhere else.
      - V(restore) puts them back to their queue, where they run next.
      - V(dead) puts them into the dead set.
      - V(drop) leaves them in the archive, from where M(fediverse.mastodon.sidekiq_archive) puts them back.
    type: str
    choices: [restore, dead, drop]
    default: restore
  archive_dir:
    description:
      - Directory for archives, on the host that runs the module. Is made with mode 0700, the archives have 0600.
      - With O(signal=KILL) the task fails before anything is touched if no archive can be written there.
    type: path
    default: ~/.local/state/fediverse.mastodon/archives
notes:
  - A job that is restored has begun once before, as has one that Sidekiq pushes back. Mastodon's jobs are written for that.
  - A job that ends in the moment between the last heartbeat and the kill cannot be told from one that was lost, and runs again.
seealso:
  - module: fediverse.mastodon.sidekiq_info
  - module: fediverse.mastodon.sidekiq_wait
  - module: fediverse.mastodon.sidekiq_archive
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Let the processes of a host take no more jobs
  fediverse.mastodon.sidekiq_process:
    state: quiet
    hostnames:
      - "{{ ansible_facts.nodename }}"

- name: See who runs an archive for more than six hours, and what else would be hit
  fediverse.mastodon.sidekiq_process:
    state: stopped
    running:
      classes:
        - BackupWorker
      longer_than: 6h
  check_mode: true
  register: stuck

- name: End a process that hangs, and give its jobs to the others
  fediverse.mastodon.sidekiq_process:
    state: stopped
    identities: "{{ stuck.matched }}"
    signal: KILL
    max_running: 5
  become: true

- name: Remove what processes left that died
  fediverse.mastodon.sidekiq_process:
    state: absent
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
matched:
  description: Identities of the processes that are meant.
  returned: success
  type: list
  elements: str
  sample: ["social:1234:34d5427f5d20"]
processes:
  description: The same processes, as they were before.
  returned: success
  type: list
  elements: dict
  contains:
    identity:
      description: Its name.
      returned: success
      type: str
      sample: social:1234:34d5427f5d20
    hostname:
      description: Its host.
      returned: success
      type: str
      sample: social
    pid:
      description: Its number there.
      returned: success
      type: int
      sample: 1234
    unit:
      description: The systemd unit in which it runs; null if it does not run on the host of the task, or not in a unit.
      returned: success
      type: str
      sample: mastodon-sidekiq.service
    queues:
      description: Queues that it serves.
      returned: success
      type: list
      elements: str
      sample: ["default", "push"]
    busy:
      description: How many jobs ran in it.
      returned: success
      type: int
      sample: 3
    quiet:
      description: Whether it took no more jobs.
      returned: success
      type: bool
      sample: false
    beat_age:
      description: Seconds since its last heartbeat; null for a ghost.
      returned: success
      type: float
      sample: 3.2
    jobs:
      description: Jobs that run in it; of one that was stopped, those that ran at its last heartbeat.
      returned: success
      type: list
      elements: dict
      contains:
        jid:
          description: Its id.
          returned: success
          type: str
          sample: 8c7e6b1f0b9f6f7d3c2a1b0f
        class:
          description: Its worker class.
          returned: success
          type: str
          sample: BackupWorker
        queue:
          description: The queue from which it was taken.
          returned: success
          type: str
          sample: pull
        domain:
          description: The remote server that it deals with, as far as its class tells.
          returned: success
          type: str
          sample: null
        elapsed:
          description: Seconds for which it has run.
          returned: success
          type: float
          sample: 25200.3
        outcome:
          description: What became of it - V(running), as far as is known; V(finished); V(pushed_back) by Sidekiq to its queue; V(retried), it
            failed; V(restored), V(dead) or V(dropped) by O(lost_jobs). V(not_known) where the process was stopped and nobody knows, as without
            O(wait), in check mode, and of a job that is not JSON.
          returned: success
          type: str
          sample: restored
    archive:
      description: The archive with the jobs that ran in it; null if it ended by itself or ran none, and in check mode.
      returned: success
      type: str
      sample: /root/.local/state/fediverse.mastodon/archives/20261122T070556Z-stopped-73643a966f862de1.jsonl.gz
    outcome:
      description: What was done with it - V(quieted), V(stopped), V(removed) or V(unchanged); of a task that failed, how far it came.
      returned: success
      type: str
      sample: stopped
other_jobs:
  description: Running jobs that are hit though O(running) does not mean them; without O(running) all that run. The same keys as
    RV(processes[].jobs).
  returned: success
  type: list
  elements: dict
  sample:
    - jid: 5b1e07a9f4b86d0c2e3f4a5b
      class: ActivityPub::DeliveryWorker
      queue: push
      domain: social.example
      elapsed: 2.1
      outcome: running
archive:
  description: The archive with the jobs of the process that was killed, of several the last one's (see RV(processes[].archive)); null if there is
    none, and in check mode.
  returned: success
  type: str
  sample: /root/.local/state/fediverse.mastodon/archives/20261122T070556Z-stopped-73643a966f862de1.jsonl.gz
ran:
  description: Jobs that ran in the processes that were stopped. The sum of RV(completed), RV(retried), RV(pushed_back), RV(restored), RV(lost)
    and RV(not_known).
  returned: success
  type: int
  sample: 3
restored:
  description: Lost jobs that were put back to their queues.
  returned: success
  type: int
  sample: 3
pushed_back:
  description: Jobs that Sidekiq itself put back, or that another process runs by now. Not known in check mode.
  returned: success
  type: int
  sample: 0
retried:
  description: Jobs that failed while they were waited for, and wait for another try. Not known in check mode.
  returned: success
  type: int
  sample: 0
completed:
  description: Jobs that ended while they were waited for. Not known in check mode.
  returned: success
  type: int
  sample: 0
lost:
  description: Lost jobs that were not put back to their queues, but left dead or in the archive.
  returned: success
  type: int
  sample: 0
not_known:
  description: Jobs of which nobody knows what became. All of them in check mode and without O(wait), unless O(signal=KILL) decides it.
  returned: success
  type: int
  sample: 0
ghosts_removed:
  description: Processes that were taken out of the registry.
  returned: success
  type: int
  sample: 0
complete:
  description: Whether the processes told all that ran in them before they ended. If not, one did not beat or was ended by somebody else;
    then only the jobs of its last heartbeat are known.
  returned: success
  type: bool
  sample: true
duration:
  description: Seconds.
  returned: success
  type: float
  sample: 14.2
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_process


def main() -> None:
    run_redis.run(sidekiq_process.OPTIONS, sidekiq_process.change_processes)


if __name__ == "__main__":
    main()
