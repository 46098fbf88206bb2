# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a choice of actions is refused."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation import plan
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _federation_refusals
short_description: "[INTERNAL] Why actions of the runbook for federation must not be done"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.federation_rescue#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: The actions.
    type: list
    elements: string
    required: true
  domains:
    description: The servers.
    type: list
    elements: string
    default: []
  confirmed:
    description: Actions whose effect is confirmed.
    type: list
    elements: string
    default: []
"""

EXAMPLES = r"""
- name: Refuse
  ansible.builtin.assert:
    that: "['purge'] | fediverse.mastodon._federation_refusals(domains=['gone.example']) == []"
"""

RETURN = r"""
_value:
  description: The reasons, as sentences.
  type: list
  elements: string
"""


@in_a_sentence
def _federation_refusals(
    actions: t.Sequence[str], domains: t.Sequence[str] = (), confirmed: t.Sequence[str] = ()
) -> list[str]:
    """See DOCUMENTATION."""
    return plan.refusals(actions, domains, confirmed)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_federation_refusals": _federation_refusals}
