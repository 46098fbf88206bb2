#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: export
short_description: Build archives whose job is gone, or let their users ask again
version_added: 1.0.0
description:
  - An orphan is a row of C(backups) that is not finished and has no job, because the process that built the archive was killed. Mastodon shows it
    as being compiled for ever, and refuses the user another one for six days.
  - Only orphans are touched. Finished archives and their files never are, nor is a row whose job waits, runs or will be tried again.
  - An orphan is one only after all processes have said what they run. Then one atomic step in Redis looks once more, and acts. So of two runs at
    the same time only one does.
  - Needs access to the database; see M(fediverse.mastodon.export_info) for what is seen without.
extends_documentation_fragment:
  - fediverse.mastodon.connection
  - fediverse.mastodon.database
  - fediverse.mastodon.run
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.actiongroup_sidekiq
  - fediverse.mastodon.attributes.state_module
options:
  state:
    description:
      - What is to become of orphans.
      - V(enqueued) puts a job for the same row into C(pull), as Mastodon itself would with the Sidekiq that runs.
      - V(released) deletes the row, so that the user sees the button again. Its record is written first.
      - V(restored) puts back the rows of the record O(path), once.
    type: str
    required: true
    choices: [enqueued, released, restored]
  backup_ids:
    description:
      - The ids of rows.
    type: list
    elements: int
  user_ids:
    description:
      - All orphans of the users with these ids.
    type: list
    elements: int
  accounts:
    description:
      - All orphans of the local accounts with these names.
    type: list
    elements: str
  all:
    description:
      - Means every orphan. Without any choice the task is an error.
    type: bool
    default: false
  min_age:
    description:
      - Rows that were made later are left alone.
    type: str
    default: 2m
  max_exports:
    description:
      - Refuses, before anything is touched, if more archives than this would be.
    type: int
  heartbeat_timeout:
    description:
      - For how many seconds at most to wait until all processes have said what they run. One that was killed is known to be gone after a minute.
      - What is not known by then is kept, as V(uncertain).
    type: float
    default: 75.0
  path:
    description:
      - The RV(record) that O(state=restored) puts back.
    type: path
  archive_dir:
    description:
      - Directory for records, on the host that runs the module. Is made with mode 0700, the records have 0600.
    type: path
    default: ~/.local/state/fediverse.mastodon/archives
seealso:
  - module: fediverse.mastodon.export_info
  - module: fediverse.mastodon.sidekiq_job
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Build what was lost with a process
  fediverse.mastodon.export:
    state: enqueued
    all: true
    max_exports: 20

- name: Let one user ask again
  fediverse.mastodon.export:
    state: released
    accounts:
      - alice
  register: released

- name: Undo that
  fediverse.mastodon.export:
    state: restored
    path: "{{ released.record }}"
"""

RETURN = r"""
server:
  description: The Redis that was used, without any password.
  returned: success
  type: str
  sample: 127.0.0.1:6379 db 0
database:
  description: The database that was used, without any password.
  returned: success
  type: str
  sample: mastodon_production at /var/run/postgresql:5432
matched:
  description: Archives that are meant.
  returned: success
  type: int
  sample: 3
edited:
  description: Archives that were enqueued, released or restored.
  returned: success
  type: int
  sample: 2
unchanged:
  description: Those that needed nothing.
  returned: success
  type: int
  sample: 0
kept:
  description:
    - Those that were left, by the reason.
    - V(uncertain) for one whose job may be in a process that says nothing, V(young), V(duplicate) where the same user gets another archive, V(no_user)
      where the account is gone, V(gone) and V(finished), V(has_job) and V(has_file) where there is something to lose.
  returned: success
  type: dict
  sample: {"duplicate": 1}
exports:
  description: Each of them.
  returned: success
  type: list
  elements: dict
  contains:
    backup_id: {description: The id of the row., returned: success, type: int, sample: 22}
    user_id: {description: The id of the user., returned: success, type: int, sample: 7}
    account: {description: The name of the account., returned: success, type: str, sample: alice}
    outcome: {description: 'V(enqueued), V(released), V(restored), V(unchanged) or V(kept).', returned: success, type: str, sample: enqueued}
    reason:
      description:
        - Why it was left - as in RV(kept), or V(has_job), V(finished) or V(gone) of one that is as wanted, V(claimed) where another run was faster, V(there)
          and V(restored_before).
      returned: success
      type: str
      sample: null
    jid: {description: The new job; null in check mode., returned: success, type: str, sample: 7315dc4675986a31ef9294ab}
record:
  description: The record of the rows that were released, or were restored from; null if none was released.
  returned: success
  type: str
  sample: /root/.local/state/fediverse.mastodon/archives/20261122T070556Z-released-73643a966f862de1.json
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_redis
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import export


def main() -> None:
    run_redis.run(export.EXPORT_OPTIONS, export.edit_exports)


if __name__ == "__main__":
    main()
