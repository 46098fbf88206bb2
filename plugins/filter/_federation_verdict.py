# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release may go on."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation import plan
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _federation_verdict
short_description: "[INTERNAL] Why a release of jobs must not go on"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.federation_rescue#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: How many jobs were released.
    type: int
    required: true
  outcomes:
    description: What became of them, as M(fediverse.mastodon.sidekiq_wait) counts it; null if that could not be read.
    type: dictionary
    required: true
  known:
    description: Whether each of them has an outcome for certain.
    type: bool
    default: true
  most:
    description: Share of the jobs that were tried that may fail.
    type: float
    default: 0.1
  timeout:
    description: How long their outcomes were waited for, as it is said.
    type: string
    default: ""
  problem:
    description: Why the outcomes could not be read.
    type: string
    default: ""
"""

EXAMPLES = r"""
- name: May it go on?
  ansible.builtin.debug:
    msg: "{{ 10 | fediverse.mastodon._federation_verdict(outcomes=wait.conditions[0].outcomes, known=wait.met) }}"
"""

RETURN = r"""
_value:
  description: The reason; null if it may go on.
  type: string
"""


@in_a_sentence
def _federation_verdict(
    released: int,
    outcomes: t.Mapping[str, int] | None,
    known: bool = True,
    most: float = 0.1,
    timeout: str = "",
    problem: str = "",
) -> str | None:
    """See DOCUMENTATION."""
    return plan.verdict(int(released), outcomes, known, float(most), timeout, problem)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_federation_verdict": _federation_verdict}
