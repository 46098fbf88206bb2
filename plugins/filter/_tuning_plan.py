# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role tuning recommends for a host."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.text.formatters import human_to_bytes

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.recommendation import (
    Machine,
    Preferences,
    recommend,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.validate import Limits
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _tuning_plan
short_description: "[INTERNAL] How many Sidekiq processes with how many threads a host has room for, with the arithmetic"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.tuning#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - The host in the words of its own tools, see C(tasks/preflight.yml) of the role P(fediverse.mastodon.workers#role).
    type: dictionary
    required: true
  cores:
    description: Cores of the host.
    type: int
    required: true
  memory_total:
    description: Bytes of the host.
    type: int
    required: true
  memory_available:
    description: Bytes that are available now.
    type: int
    required: true
  processes:
    description: RV(fediverse.mastodon.sidekiq_info#module:processes).
    type: list
    elements: dictionary
    default: []
  redis:
    description: RV(fediverse.mastodon.sidekiq_info#module:redis).
    type: dictionary
  preferences:
    description: Variables of the role without their prefix.
    type: dictionary
"""

EXAMPLES = r"""
- name: What does this host have room for?
  ansible.builtin.debug:
    msg: "{{ (facts_of_host | fediverse.mastodon._tuning_plan(cores=4, memory_total=2 ** 33, memory_available=2 ** 32)).arithmetic }}"
"""

RETURN = r"""
_value:
  description:
    - C(processes), C(threads) of each, C(total); C(units) for the role P(fediverse.mastodon.workers#role); the C(arithmetic) in sentences;
      whether even the fewest threads have room (C(fits)); C(concurrency) for config/sidekiq.yml, and whether it would be in vain
      (C(file_is_void)).
  type: dictionary
"""

_SIZES = ("memory", "process_memory", "thread_memory")


@in_a_sentence
def _tuning_plan(
    facts: t.Mapping[str, t.Any],
    cores: int,
    memory_total: int,
    memory_available: int,
    processes: t.Sequence[t.Mapping[str, t.Any]] = (),
    redis: t.Mapping[str, t.Any] | None = None,
    preferences: t.Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    wanted = {name: value for name, value in (preferences or {}).items() if value is not None}
    server = redis or {}
    for name in _SIZES:
        if name in wanted:
            wanted[name] = human_to_bytes(wanted[name])
    host = read_host(facts)
    own = {identity for unit, found in host.identities.items() if unit in host.units for identity in found}
    machine = Machine(
        int(cores),
        int(memory_total),
        int(memory_available),
        tuple(
            (process["rss_bytes"] or 0, process["concurrency"])
            for process in processes
            if process["alive"] and process["identity"] in own
        ),
        (server["clients"], server["maxclients"]) if server.get("clients") and server.get("maxclients") else None,
    )
    limits = Limits(
        required=tuple(wanted.pop("required", ())),
        max_connections=wanted.pop("max_connections", None),
        reserved_connections=wanted.pop("reserved_connections", None),
        other_connections=wanted.pop("other_connections", 0),
    )
    return recommend(host, machine, Preferences(**wanted), limits)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_tuning_plan": _tuning_plan}
