# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to run the same playbook again with other variables, such as for real after a dry run."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.plugin_utils import commands
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _again_command
short_description: "[INTERNAL] The command that runs this playbook again"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the runbooks, which print it after a dry run and with a suggestion.
  - The command names what this run was started with, as P(fediverse.mastodon._undo_command#filter) does, and all variables given with C(-e).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: Variables to give with C(-e), in the place of those of the same name. They are never taken for templates.
    type: dictionary
    required: true
  check:
    description: Whether it is to be a dry run, with C(--check --diff).
    type: boolean
    default: false
"""

EXAMPLES = r"""
- name: Print how to do it for real
  fediverse.mastodon.report:
    text: "{{ {'export_rescue_reason': 'ticket 42'} | fediverse.mastodon._again_command }}"
"""

RETURN = r"""
_value:
  description: The command, ready to paste, and notes on lines of their own after it.
  type: string
"""


@in_a_sentence
def _again_command(variables: t.Mapping[str, t.Any], check: bool = False) -> str:
    """See DOCUMENTATION."""
    return commands.again(variables, check)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_again_command": _again_command}
