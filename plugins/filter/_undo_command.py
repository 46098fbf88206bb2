# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to undo a run."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.plugin_utils import commands
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _undo_command
short_description: "[INTERNAL] The command that undoes a run"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the runbooks, which print it at their end.
  - The command names what this run was started with - inventories, limit, connection, users, become and vault options, files of variables, and
    those of the variables given with C(-e) that playbook C(undo) reads.
  - No secret is printed. One that came from a file is given by that file; for one that was typed, a note after the command says to give it again.
  - Files in a folder for temporary files, or in one of AWX or ansible-runner, are left out, and a note says so.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: RV(fediverse.mastodon.run_record#module:record).
    type: dictionary
    required: true
  runs_dir:
    description: The directory of the records, if it is not the default one.
    type: string
"""

EXAMPLES = r"""
- name: Print how to undo it
  fediverse.mastodon.report:
    text: "{{ ended.record | fediverse.mastodon._undo_command }}"
"""

RETURN = r"""
_value:
  description: The command, ready to paste, and notes on lines of their own after it; empty if the run did nothing that can be undone.
  type: string
"""

VARIABLES: t.Final = frozenset(
    {"redis_url", "sidekiq_options", "database_url", "runs_dir", "undo_hosts", "api_token", "api_ca_path"}
)
"""Of playbooks/undo.yml."""


@in_a_sentence
def _undo_command(record: t.Mapping[str, t.Any], runs_dir: str | None = None) -> str:
    """See DOCUMENTATION."""
    if not record["archives"] and not any(step.get("did") == "block" for step in record["steps"]):
        return ""
    variables = {"run": record["run"], **({"runs_dir": runs_dir} if runs_dir else {})}
    return commands.playbook(
        "fediverse.mastodon.undo", variables, lambda name: name in VARIABLES or name.startswith("ansible_")
    )


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_undo_command": _undo_command}
