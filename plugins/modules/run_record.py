#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run_record
short_description: Keep the record of a run of a runbook
version_added: 1.0.0
description:
  - Writes down who ran a runbook, when and why, what was found before and after, what was done, and in which archives the jobs are that were
    taken out, so that the run can be undone.
  - The record is a file of JSON with mode 0600 on the host that runs the module. It names archives and holds no job itself.
  - Several tasks may add to a record at once.
extends_documentation_fragment:
  - fediverse.mastodon.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - The record is what it returns.
  idempotent:
    support: partial
    details:
      - Without O(run) each invocation begins a new record. With O(run) the second one changes nothing.
options:
  dir:
    description:
      - The directory of the records. It is made with mode 0700.
    type: path
    default: ~/.local/state/fediverse.mastodon/runs
  run:
    description:
      - The record to add to, by its name. Without it a new one is begun, which needs O(runbook) and O(reason).
    type: str
  runbook:
    description:
      - Which runbook it is, for a new record. Up to 100 letters, digits and the signs V(_), V(.) and V(-).
    type: str
  reason:
    description:
      - Why it is run, for a new record.
    type: str
  who:
    description:
      - Who runs it, for a new record. The default is who became another user by sudo, or else the user who runs the module.
    type: str
  thresholds:
    description:
      - The limits it goes by.
    type: dict
  before:
    description:
      - What was found at the beginning.
    type: dict
  after:
    description:
      - What was found at the end.
    type: dict
  archives:
    description:
      - Archives to add; one that is there already is not added again. M(fediverse.mastodon.sidekiq_job), M(fediverse.mastodon.sidekiq_process) and
        M(fediverse.mastodon.export) add theirs by themselves if they are given the run.
    type: list
    elements: path
    default: []
  archive_dir:
    description:
      - Where the archives of the run will be, for a new record. C(fediverse.mastodon.undo) searches this directory if the run does not come to
        its end.
    type: path
    default: ~/.local/state/fediverse.mastodon/archives
  steps:
    description:
      - What was done, to add; one that is there already is not added again. A step with the C(did), C(archive), C(domain) and C(account) of one
        that is marked C(under_way) replaces that one.
      - A step with an C(outcome) cannot be undone. V(started), before it begins, says that its end is not known if no other outcome follows.
    type: list
    elements: dict
    default: []
  ended:
    description:
      - Whether the run has ended.
    type: bool
    default: false
  closed:
    description:
      - Whether the run must not go on. The modules that edit refuse to add an archive to a record that is closed, was undone or has ended.
      - C(fediverse.mastodon.undo) sets it first, so that an edit which the interrupted runbook left behind cannot begin meanwhile.
    type: bool
    default: false
  undone:
    description:
      - Whether the run was undone.
    type: bool
    default: false
seealso:
  - module: fediverse.mastodon.run_record_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Begin a record
  fediverse.mastodon.run_record:
    runbook: export_rescue
    reason: Archives hang since noon, ticket 42.
  register: begun

- name: Write down what was taken out
  fediverse.mastodon.run_record:
    run: "{{ begun.run }}"
    archives:
      - /root/.local/state/fediverse.mastodon/archives/20261122T070556Z-absent-73643a966f862de1.jsonl.gz
    ended: true
"""

RETURN = r"""
run:
  description: The name of the run.
  returned: success
  type: str
  sample: 20261122T070556Z-export_rescue-1a2b3c
file:
  description: The file.
  returned: success
  type: str
  sample: /root/.local/state/fediverse.mastodon/runs/20261122T070556Z-export_rescue-1a2b3c.json
record:
  description: What it says.
  returned: success
  type: dict
  contains:
    run:
      description: Its name.
      returned: success
      type: str
      sample: 20261122T070556Z-export_rescue-1a2b3c
    runbook:
      description: Which runbook it was.
      returned: success
      type: str
      sample: export_rescue
    reason:
      description: Why it was run.
      returned: success
      type: str
      sample: Archives hang since noon, ticket 42.
    who:
      description: Who ran it.
      returned: success
      type: str
      sample: alice
    host:
      description: The host on which it was run.
      returned: success
      type: str
      sample: mastodon.example
    begun_at:
      description: When it began, in UTC.
      returned: success
      type: str
      sample: "2026-11-22T07:05:56Z"
    ended_at:
      description: When it ended, in UTC; null if it did not.
      returned: success
      type: str
      sample: "2026-11-22T07:09:12Z"
    closed_at:
      description: When it was closed to further edits, in UTC; null if it was not.
      returned: success
      type: str
      sample: null
    undone_at:
      description: When it was undone, in UTC; null if it was not.
      returned: success
      type: str
      sample: null
    thresholds:
      description: The limits it went by.
      returned: success
      type: dict
      sample: {"stuck_after": "10m"}
    before:
      description: What was found at the beginning.
      returned: success
      type: dict
      sample: {"findings": ["queue_late"]}
    after:
      description: What was found at the end.
      returned: success
      type: dict
      sample: {"findings": []}
    archives:
      description: The archives of the jobs that were taken out, oldest first.
      returned: success
      type: list
      elements: str
      sample: [/root/.local/state/fediverse.mastodon/archives/20261122T070556Z-absent-73643a966f862de1.jsonl.gz]
    archive_dirs:
      description: The directories in which the archives of the run are.
      returned: success
      type: list
      elements: str
      sample: [/root/.local/state/fediverse.mastodon/archives]
    steps:
      description:
        - What was done, in its order. A step that is marked C(under_way) is an edit that had named its archive, and of which nobody recorded
          how it ended.
      returned: success
      type: list
      elements: dict
      sample: [{"did": "collapsed 2 duplicates"}]
    format:
      description: What the file is.
      returned: success
      type: str
      sample: fediverse.mastodon run
    version:
      description: The version of that format.
      returned: success
      type: int
      sample: 1
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import run_record


def main() -> None:
    run_host.run(run_record.OPTIONS, run_record.write)


if __name__ == "__main__":
    main()
