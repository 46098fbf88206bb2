# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds the threads, and which servers to look at."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation import plan
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _federation_look
short_description: "[INTERNAL] Which remote servers hold threads of Sidekiq, and which are suspect"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.federation_rescue#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: RV(fediverse.mastodon.sidekiq_info#module:busy).
    type: list
    elements: dictionary
    required: true
  failing:
    description: RV(fediverse.mastodon.sidekiq_job_info#module:by_domain) of the retry set.
    type: dictionary
    required: true
  stuck_after:
    description: From when on a running job is stuck, such as V(10m).
    type: string
    default: 10m
  wanted:
    description: Servers to look at closely. The default is those that are suspect.
    type: list
    elements: string
    default: []
  shown:
    description: How many to look at closely.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Who is it?
  ansible.builtin.debug:
    msg: "{{ (sidekiq.busy | fediverse.mastodon._federation_look(failing=retry.by_domain)).suspects }}"
"""

RETURN = r"""
_value:
  description: What was found - C(holders), C(stuck_domains), C(suspects), C(closely), C(named), C(skipped), and numbers of threads.
  type: dictionary
"""


@in_a_sentence
def _federation_look(
    busy: t.Sequence[t.Mapping[str, t.Any]],
    failing: t.Mapping[str, int],
    stuck_after: str = "10m",
    wanted: t.Sequence[str] = (),
    shown: int = 5,
) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    return plan.look(busy, failing, stuck_after, wanted, shown)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_federation_look": _federation_look}
