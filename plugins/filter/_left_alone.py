# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left alone on a host, as it is of another instance."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation import conclusions
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _left_alone
short_description: "[INTERNAL] What is left alone on a host, and why"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input, patterns
options:
  _input:
    description: What M(fediverse.mastodon.mastodon_info) returns.
    type: dictionary
    required: true
  patterns:
    description: Names and patterns of the units that the role works on. Those that do not run are named only if they match.
    type: list
    elements: string
    default: []
"""

EXAMPLES = r"""
- name: Name what is left alone
  ansible.builtin.debug:
    msg: "{{ mastodon | fediverse.mastodon._left_alone }}"
"""

RETURN = r"""
_value:
  description:
    - A sentence for each unit, container or process that belongs to another instance or program, with the reason. What does not run is named only
      if it matches O(patterns).
  type: list
  elements: string
"""


@in_a_sentence
def _left_alone(found: t.Mapping[str, t.Any], patterns: t.Sequence[str] = ()) -> list[str]:
    """See DOCUMENTATION."""
    return conclusions.left_alone(found, patterns)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_left_alone": _left_alone}
