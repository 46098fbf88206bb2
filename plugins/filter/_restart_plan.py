# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role restart does with the units of a host."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.restart import as_dictionary, plan
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _restart_plan
short_description: "[INTERNAL] Which units of Sidekiq are to be restarted, and what is refused"
version_added: 1.0.0
description:
  - Internal to the role P(fediverse.mastodon.restart#role). It may change or go at any time without notice.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - What M(fediverse.mastodon.mastodon_info) returned.
    type: dictionary
    required: true
  files:
    description:
      - Files whose change asks for a restart, with C(path) and C(mtime) in epoch seconds.
    type: list
    elements: dictionary
    default: []
  units:
    description:
      - Which units, as systemctl takes them.
    type: list
    elements: string
    default: []
  force:
    description:
      - Whether to restart all of them, also those whose jobs are not known.
    type: boolean
    default: false
"""

EXAMPLES = r"""
- name: Show what would be restarted
  ansible.builtin.debug:
    msg: "{{ mastodon | fediverse.mastodon._restart_plan(units=['mastodon-sidekiq.service']) }}"
"""

RETURN = r"""
_value:
  description:
    - How many processes run (C(running)), the units to restart (C(due)), sentences for which nothing may be changed (C(refusals)), sentences
      about what is left alone (C(notes)), and drop-ins that an interrupted restart left (C(leftovers)).
  type: dictionary
"""


@in_a_sentence
def _restart_plan(
    installation: t.Mapping[str, t.Any],
    files: t.Sequence[t.Mapping[str, t.Any]] = (),
    units: t.Sequence[str] = (),
    force: bool = False,
) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    return as_dictionary(plan(installation, files, units, force))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_restart_plan": _restart_plan}
