# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To which run of a runbook an edit belongs: the options of modules that edit."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  run:
    description:
      - The run of a runbook to which the edit belongs, by the name that M(fediverse.mastodon.run_record) gave it. The module itself adds its
        archive to the run record before it removes the first job, and writes the name of the run into the archive. So the playbook
        C(fediverse.mastodon.undo) finds the archive wherever the runbook was interrupted.
      - The task fails, and changes nothing, if the run has ended, or was undone or closed.
      - In check mode the record is neither read nor written.
    type: str
  runs_dir:
    description:
      - The directory of the run records, O(fediverse.mastodon.run_record#module:dir), on the host that runs the module.
    type: path
    default: ~/.local/state/fediverse.mastodon/runs
  run_step:
    description:
      - What the run record calls the edit, such as V(quarantine). The default is O(state).
    type: str
"""
