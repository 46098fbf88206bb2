# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which archives are in quarantine."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation import plan
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _federation_quarantines
short_description: "[INTERNAL] Archives of the runs that put servers into quarantine and were not undone"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.federation_rescue#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: RV(fediverse.mastodon.run_record_info#module:records).
    type: list
    elements: dictionary
    required: true
  runs:
    description: Only of these runs.
    type: list
    elements: string
    default: []
"""

EXAMPLES = r"""
- name: What is in quarantine?
  ansible.builtin.debug:
    msg: "{{ runs.records | fediverse.mastodon._federation_quarantines }}"
"""

RETURN = r"""
_value:
  description: Paths of archives, the oldest first.
  type: list
  elements: string
"""


@in_a_sentence
def _federation_quarantines(records: t.Sequence[t.Mapping[str, t.Any]], runs: t.Sequence[str] = ()) -> list[str]:
    """See DOCUMENTATION."""
    return plan.quarantines(records, runs)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_federation_quarantines": _federation_quarantines}
