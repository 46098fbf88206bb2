#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sidekiq_host_process
short_description: Stop Sidekiq processes of a host whose heartbeat is not in Redis
version_added: 1.0.0
description:
  - For a process that M(fediverse.mastodon.mastodon_info) shows as unmatched. Which jobs it runs is not known, so they cannot be recorded, and
    nobody can promise what becomes of them. Use M(fediverse.mastodon.sidekiq_process) wherever there is a heartbeat.
  - Sends TSTP, upon which Sidekiq fetches no more jobs, and waits until the title of the process says that none runs. Then it sends TERM and waits
    until Sidekiq has pushed back what it could not finish and has ended.
  - Never sends KILL and never asks systemd to stop a unit, which kills Sidekiq after the stop timeout of the unit.
extends_documentation_fragment:
  - fediverse.mastodon.attributes
attributes:
  check_mode:
    support: full
    details:
      - Names the processes that would be stopped. How many jobs run when they are stopped cannot be foreseen.
  diff_mode:
    support: none
    details:
      - A stopped process has nothing to compare.
  idempotent:
    support: full
    details:
      - A process that has ended is not stopped again.
options:
  processes:
    description:
      - The processes, as C(unmatched[].processes) of M(fediverse.mastodon.mastodon_info) names them.
    type: list
    elements: dict
    required: true
    suboptions:
      pid:
        description:
          - The process, as this host numbers it.
        type: int
        required: true
      ticks:
        description:
          - When it started, in clock ticks since the boot. Another process that got its pid meanwhile is not touched.
        type: int
        required: true
  drain_timeout:
    description:
      - How long to wait, such as V(5m), until the titles of the processes say that they run no more jobs.
    type: str
    default: 5m
  stop_timeout:
    description:
      - How long a process may take to end after TERM. It must be longer than the timeout of Sidekiq, which is 25 s by default.
    type: str
    default: 60s
seealso:
  - module: fediverse.mastodon.mastodon_info
  - module: fediverse.mastodon.sidekiq_process
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Read what runs Sidekiq here
  fediverse.mastodon.mastodon_info:
  become: true
  register: mastodon

- name: Stop what Redis does not show
  fediverse.mastodon.sidekiq_host_process:
    processes: "{{ mastodon.unmatched | selectattr('ours') | map(attribute='processes') | flatten }}"
  become: true
"""

RETURN = r"""
busy:
  description: How many jobs the processes ran, as their titles said before; null if one has no title that says so. Their outcome is not known.
  returned: success
  type: int
  sample: 25
processes:
  description: Those that ran.
  returned: success
  type: list
  elements: dict
  contains:
    pid:
      description: The process.
      returned: success
      type: int
      sample: 1857
    busy:
      description: How many jobs it ran before it was told anything; null if its title does not say.
      returned: success
      type: int
      sample: 25
    left:
      description: How many it still ran when it was told to end; null if its title does not say, and in check mode.
      returned: success
      type: int
      sample: 3
    gone:
      description: Whether it has ended; V(false) in check mode.
      returned: success
      type: bool
      sample: true
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import sidekiq_host_process


def main() -> None:
    run_host.run(sidekiq_host_process.OPTIONS, sidekiq_host_process.stop_processes)


if __name__ == "__main__":
    main()
