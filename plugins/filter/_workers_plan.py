# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role workers does on a host: the only place that decides it."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.plan import plan_workers
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.validate import Limits
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _workers_plan
short_description: "[INTERNAL] What has to change so that the declared workers run, and what must be refused"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.workers#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - The name of the C(stock_unit), and what M(fediverse.mastodon.mastodon_info) returned with all O(fediverse.mastodon.mastodon_info#module:sections)
        (C(installation)).
    type: dictionary
    required: true
  units:
    description: The variable C(workers_units) of the role.
    type: list
    elements: dictionary
    required: true
  processes:
    description: RV(fediverse.mastodon.sidekiq_info#module:processes).
    type: list
    elements: dictionary
    default: []
  required:
    description: Queues that must be served; none for those of the release of Mastodon.
    type: list
    elements: string
    default: []
  elsewhere:
    description: Queues that other hosts serve.
    type: list
    elements: string
    default: []
  max_connections:
    description: Of PostgreSQL; by default as it was read.
    type: int
  reserved_connections:
    description: Of the web and streaming servers; by default as it was computed.
    type: int
  other_connections:
    description: Of other hosts.
    type: int
    default: 0
  take_over:
    description: Whether units that somebody else wrote may be replaced.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: What would change?
  ansible.builtin.debug:
    msg: "{{ (facts_of_host | fediverse.mastodon._workers_plan(units=[{'name': 'stock'}])).summary }}"
"""

RETURN = r"""
_value:
  description:
    - C(refusals) and C(warnings) in sentences; C(files) to be written; C(moves), each with the units that go C(down) and come C(up) and
      whether to C(drain); what to C(enable), C(disable), C(remove) and C(set_aside); C(stop_timeouts), longer stop timeouts for the time of the
      change; what is C(expected) of Redis afterwards; a C(summary).
  type: dictionary
"""


@in_a_sentence
def _workers_plan(
    facts: t.Mapping[str, t.Any],
    units: t.Sequence[t.Mapping[str, t.Any]],
    processes: t.Sequence[t.Mapping[str, t.Any]] = (),
    required: t.Sequence[str] = (),
    elsewhere: t.Sequence[str] = (),
    max_connections: int | None = None,
    reserved_connections: int | None = None,
    other_connections: int = 0,
    take_over: bool = False,
) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    limits = Limits(tuple(required), tuple(elsewhere), max_connections, reserved_connections, other_connections)
    return plan_workers(units, read_host(facts), limits, processes, take_over)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_workers_plan": _workers_plan}
