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
      - The record to read, by its name; it is an error if there is none. Without it all are read.
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
  description: The records, the newest first.
  returned: success
  type: list
  elements: dict
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
    steps:
      description: What was done, in its order.
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

from ansible_collections.fediverse.mastodon.plugins.module_utils._edge import host, runs


def main() -> None:
    host.run(runs.INFO_OPTIONS, runs.look)


if __name__ == "__main__":
    main()
