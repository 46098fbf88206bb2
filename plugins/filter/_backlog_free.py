# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role backlog_recovery takes out of a Redis that is nearly full."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.diagnosis.redis_memory import to_free
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _backlog_free
short_description: "[INTERNAL] Which jobs to take out until Redis is no longer nearly full"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.backlog_recovery#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: What M(fediverse.mastodon.sidekiq_memory_info) returned.
    type: dictionary
    required: true
  limit:
    description: Percent of C(maxmemory) below which it is fine.
    type: float
    default: 80
  last:
    description: How far to go in the order V(dead), V(retry), V(pull), V(push); V(nothing) takes out nothing.
    type: string
    default: nothing
"""

EXAMPLES = r"""
- name: What would go?
  ansible.builtin.debug:
    msg: "{{ memory | fediverse.mastodon._backlog_free(last='retry') }}"
"""

RETURN = r"""
_value:
  description: Options for M(fediverse.mastodon.sidekiq_job), in the order in which to use them.
  type: list
  elements: dictionary
"""


@in_a_sentence
def _backlog_free(memory: t.Mapping[str, t.Any], limit: float = 80, last: str = "nothing") -> list[dict[str, t.Any]]:
    """See DOCUMENTATION."""
    return to_free(memory, float(limit), last)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_backlog_free": _backlog_free}
