# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What really runs, against what was declared."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.verify import verdict
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _workers_verdict
short_description: "[INTERNAL] What Sidekiq says of itself in Redis against the plan of its units"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.workers#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: RV(fediverse.mastodon.sidekiq_info#module:processes).
    type: list
    elements: dictionary
    required: true
  expected:
    description: C(expected) of the filter P(fediverse.mastodon._workers_plan#filter).
    type: dictionary
    required: true
  workers:
    description: RV(fediverse.mastodon.mastodon_info#module:workers).
    type: list
    elements: dictionary
    required: true
  only:
    description: Look at these units only.
    type: list
    elements: string
    default: []
"""

EXAMPLES = r"""
- name: Is all as declared?
  ansible.builtin.assert:
    that: sidekiq.processes | fediverse.mastodon._workers_verdict(expected=plan.expected, workers=mastodon.workers) | length == 0
"""

RETURN = r"""
_value:
  description: What is not as declared, in sentences.
  type: list
  elements: string
"""


@in_a_sentence
def _workers_verdict(
    processes: t.Sequence[t.Mapping[str, t.Any]],
    expected: t.Mapping[str, t.Any],
    workers: t.Sequence[t.Mapping[str, t.Any]],
    only: t.Sequence[str] = (),
) -> list[str]:
    """See DOCUMENTATION."""
    return verdict(expected, processes, workers, only)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_workers_verdict": _workers_verdict}
