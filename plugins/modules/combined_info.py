#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: combined_info
short_description: Run several reading modules of this collection as one task
version_added: 1.0.0
description:
  - Reads several things of a host in one task. Each task of its own costs a connection, a new Python and the import of redis-py, which takes longer
    than the reading itself.
  - The modules read one after the other, in the order of O(reads), from the one Redis that the options of the connection name.
  - If one of them fails, the task fails with the message of that module.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.info_module
options:
  reads:
    description: What to read.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The key of RV(answers) below which the result goes.
        type: str
        required: true
      module:
        description: The module of this collection that reads.
        type: str
        required: true
        choices:
          - export_info
          - export_storage_info
          - journal_info
          - mastodon_info
          - sidekiq_info
          - sidekiq_job_info
          - sidekiq_memory_info
      options:
        description:
          - Options of the module. Those of the connection, O(mastodon_root) and O(systemd_unit) among them, are options of this task.
          - Secrets such as O(fediverse.mastodon.export_info#module:database_url) are refused, as Ansible would show them.
        type: dict
        default: {}
      only_if_exists:
        description: Skip this read unless the path exists on the host.
        type: path
      pause:
        description: For how many seconds to wait before this read, such as to read twice and compare.
        type: float
        default: 0
notes:
  - Defaults that C(module_defaults) sets for one of the modules do not reach it here. Those of the action group do.
seealso:
  - module: fediverse.mastodon.mastodon_info
  - module: fediverse.mastodon.sidekiq_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Read what runs Sidekiq here, and what it does
  fediverse.mastodon.combined_info:
    reads:
      - name: installation
        module: mastodon_info
      - name: sidekiq
        module: sidekiq_info
        options:
          sections: [queues, busy]
      - name: retries
        module: sidekiq_job_info
        options:
          sets: [retry]
          all: true
          limit: 0
  become: true
  register: host

- name: Show how many jobs failed, by remote server
  ansible.builtin.debug:
    msg: "{{ host.answers.retries.by_domain }}"
"""

RETURN = r"""
answers:
  description:
    - The result of each module, by the name of the read.
    - A read whose O(reads[].only_if_exists) does not exist has C(skipped=true) and no other key than C(changed).
  returned: success
  type: dict
  sample:
    sidekiq: {changed: false, queues: [{name: default, size: 0}], busy: []}
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import combined_info


def main() -> None:
    run_redis.run_here(combined_info.OPTIONS, combined_info.read_all, combined_info.locate)


if __name__ == "__main__":
    main()
