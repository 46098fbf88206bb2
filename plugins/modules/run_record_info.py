#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run_record_info
short_description: Read the records of runs of runbooks
version_added: 1.0.0
description:
  - Reads what M(fediverse.mastodon.run_record) has written on this host.
  - A run that did not come to its end is completed by the archives in its directories that name the run and that the record lacks.
extends_documentation_fragment:
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.info_module
options:
  dir:
    description:
      - The directory of the records.
    type: path
    default: ~/.local/state/fediverse.mastodon/runs
  run:
    description:
      - The record to read, by its name; it is an error if there is none, or if it cannot be read. Without it all are read, and of one that
        cannot be read the task warns.
    type: str
seealso:
  - module: fediverse.mastodon.run_record
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: List the runs on this host
  fediverse.mastodon.run_record_info:
  register: runs
"""

RETURN = r"""
records:
  description: The records, the newest first, each as RV(fediverse.mastodon.run_record#module:record).
  returned: success
  type: list
  elements: dict
  sample: [{"run": "20261122T070556Z-export_rescue-1a2b3c", "runbook": "export_rescue", "who": "alice"}]
unsure:
  description: Runs without an end of which it cannot be told which archives they have, by name, with the reason.
  returned: success
  type: list
  elements: dict
  sample: []
  contains:
    run:
      description: The name of the run.
      returned: success
      type: str
      sample: 20261122T070556Z-export_rescue-1a2b3c
    reason:
      description: Why it cannot be told.
      returned: success
      type: str
      sample: "The archive directory /var/backups/jobs cannot be read: Permission denied."
irreversible:
  description: What no undo takes back, in a sentence for each step; also a step that was started and whose end is not recorded.
  returned: success
  type: list
  elements: dict
  sample: []
  contains:
    run:
      description: The name of the run.
      returned: success
      type: str
      sample: 20261122T070556Z-federation_rescue-1a2b3c
    what:
      description: What was done, as far as the record says.
      returned: success
      type: str
      sample: "gone.example: 12 accounts and 1 custom emojis removed."
unreadable:
  description: Runs whose records cannot be read, by name. They are not in RV(records).
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import run_record


def main() -> None:
    run_host.run(run_record.INFO_OPTIONS, run_record.look)


if __name__ == "__main__":
    main()
