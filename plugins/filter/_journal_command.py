# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to read systemd's journal."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host import journal
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _journal_command
short_description: "[INTERNAL] The command that reads systemd's journal"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Reads a bounded number of lines and bytes. Who was killed is read from lines of the kernel and of systemd alone; anybody can write the others,
    and Ansible itself writes the arguments of its modules there.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: A text that occurs in the lines; V(kills) without O(units) are the processes of Sidekiq that were killed.
    type: string
    required: true
  units:
    description: Units in whose log to look, and patterns for them.
    type: list
    elements: string
  since:
    description: From when on, as C(journalctl --since) takes it.
    type: string
    default: "-24h"
  lines:
    description: Most lines.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Look for processes that were killed
  ansible.builtin.command:
    argv: "{{ 'kills' | fediverse.mastodon._journal_command(since='-24h') }}"
"""

RETURN = r"""
_value:
  description: The command and its arguments.
  type: list
  elements: string
"""


@in_a_sentence
def _journal_command(text: str, units: t.Sequence[str] | None = None, since: str = "-24h", lines: int = 5) -> list[str]:
    """See DOCUMENTATION."""
    if units:
        return journal.naming(text, units, since, int(lines))
    if text != "kills":
        raise ValueError(f"without a unit there is only kills, not {text!r}")
    return journal.kills(since, int(lines))


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_journal_command": _journal_command}
