# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why no unit can be derived from a stock unit."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.installation import conclusions
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _why_not_derived
short_description: "[INTERNAL] Why no unit can be derived from the stock unit of a host"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input, stock_unit
options:
  _input:
    description: What M(fediverse.mastodon.mastodon_info) returns.
    type: dictionary
    required: true
  stock_unit:
    description: The unit of Mastodon's own Sidekiq.
    type: string
    required: true
"""

EXAMPLES = r"""
- name: Need a unit of this instance from which others can be derived
  ansible.builtin.assert:
    that: mastodon | fediverse.mastodon._why_not_derived('mastodon-sidekiq.service') == ''
"""

RETURN = r"""
_value:
  description:
    - The reason, and what to do. The unit belongs to another instance, runs a container, or there is none, as Sidekiq runs in containers. Empty if
      units can be derived from it.
  type: string
"""


@in_a_sentence
def _why_not_derived(found: t.Mapping[str, t.Any], stock_unit: str) -> str:
    """See DOCUMENTATION."""
    return conclusions.why_not_derived(found, stock_unit)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_why_not_derived": _why_not_derived}
