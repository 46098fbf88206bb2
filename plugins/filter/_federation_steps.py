# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which parts to release what is in quarantine."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation import plan
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _federation_steps
short_description: "[INTERNAL] Parts in which archives are put back, the canary first"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.federation_rescue#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: What M(fediverse.mastodon.sidekiq_archive) says of each archive, in check mode.
    type: list
    elements: dictionary
    required: true
  canary:
    description: How many jobs come first.
    type: int
    default: 10
  batch:
    description: How many jobs come at most at once, later.
    type: int
    default: 1000
"""

EXAMPLES = r"""
- name: In which parts
  ansible.builtin.debug:
    msg: "{{ [{'archive': '/root/a.jsonl.gz', 'by_set': {'queues': 3000}}] | fediverse.mastodon._federation_steps }}"
"""

RETURN = r"""
_value:
  description: C(archive), C(set), C(limit) and C(canary) of each part.
  type: list
  elements: dictionary
"""


@in_a_sentence
def _federation_steps(
    pending: t.Sequence[t.Mapping[str, t.Any]], canary: int = 10, batch: int = 1000
) -> list[dict[str, t.Any]]:
    """See DOCUMENTATION."""
    return plan.release_steps(pending, int(canary), int(batch))


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_federation_steps": _federation_steps}
