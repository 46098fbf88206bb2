# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to undo a run."""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: undo_command
short_description: The command that undoes a run
version_added: 1.0.0
description:
  - Made for the runbooks, which say it at their end.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: RV(fediverse.mastodon.run_record#module:record).
    type: dictionary
    required: true
  inventory:
    description: The inventories to name, such as C(ansible_inventory_sources).
    type: list
    elements: string
    default: []
  runs_dir:
    description: The directory of the records, if it is not the default one.
    type: string
"""

EXAMPLES = r"""
- name: Say how to undo it
  fediverse.mastodon.report:
    text: "Undo: {{ ended.record | fediverse.mastodon.undo_command(ansible_inventory_sources) }}"
"""

RETURN = r"""
_value:
  description: The command; empty if the run did nothing that can be undone.
  type: string
"""


@in_a_sentence
def undo_command(record: t.Mapping[str, t.Any], inventory: t.Sequence[str] = (), runs_dir: str | None = None) -> str:
    """See DOCUMENTATION."""
    if not record["archives"] and not any(step.get("did") == "block" for step in record["steps"]):
        return ""
    words = ["ansible-playbook"]
    for source in inventory:
        words += ["-i", source]
    words += ["fediverse.mastodon.undo", "-e", f"run={record['run']}"]
    if runs_dir:
        words += ["-e", f"runs_dir={runs_dir}"]
    return shlex.join(words)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"undo_command": undo_command}
