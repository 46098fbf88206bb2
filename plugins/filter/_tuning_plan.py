# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role tuning recommends for a host."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.text.formatters import human_to_bytes

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.connections import Connected
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.load import read_load
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.machine import (
    Machine,
    Preferences,
    Running,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.tuning.recommendation import (
    recommend,
)
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _tuning_plan
short_description: "[INTERNAL] How many Sidekiq processes with how many threads a host should run, and why"
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
      - The name of the C(stock_unit), and what M(fediverse.mastodon.mastodon_info) returned with all O(fediverse.mastodon.mastodon_info#module:sections)
        (C(installation)).
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
  sidekiq:
    description: What M(fediverse.mastodon.sidekiq_info) returns with the sections V(processes), V(queues) and V(redis).
    type: dictionary
  connected:
    description: >-
      Connections to PostgreSQL now: those from other hosts (C(elsewhere)) and those to other databases (C(others)). Empty if PostgreSQL could
      not be asked.
    type: dictionary
  preferences:
    description: Variables of the role P(fediverse.mastodon.tuning#role) without their prefix.
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
    - The layout to run, C(processes), C(threads) of each (of the largest, if what runs is kept and differs) and C(total); all that has C(room);
      what runs now (C(current)); C(units) for the role P(fediverse.mastodon.workers#role) and the C(other_connections) that it must reserve.
    - C(differs) says whether the layout is another one than what runs. C(needed) is false if what runs is kept because the load needs no
      more. C(fits) is false if not even the fewest threads have room.
    - C(limits), each with its value C(now) and the value C(to) that gives C(processes), C(threads) and C(total).
    - C(advice) and C(arithmetic) in sentences.
    - C(concurrency) for config/sidekiq.yml, and why Sidekiq would not read it (C(concurrency_ignored), empty if it does).
  type: dictionary
"""

_SIZES = ("memory", "process_memory", "thread_memory")


@in_a_sentence
def _tuning_plan(
    facts: t.Mapping[str, t.Any],
    cores: int,
    memory_total: int,
    memory_available: int,
    sidekiq: t.Mapping[str, t.Any] | None = None,
    connected: t.Mapping[str, int] | None = None,
    preferences: t.Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    host, seen = read_host(facts), sidekiq or {}
    processes, server = seen.get("processes") or [], seen.get("redis") or {}
    own = {identity for unit, identities in host.identities.items() if unit in host.units for identity in identities}
    alive = [process for process in processes if process["alive"]]
    machine = Machine(
        int(cores),
        int(memory_total),
        int(memory_available),
        tuple(
            Running(process["rss_bytes"] or 0, process["concurrency"] or 0)
            for process in alive
            if process["identity"] in own
        ),
        elsewhere=sum(process["concurrency"] or 0 for process in alive if process["identity"] not in own),
        redis_clients=(server["clients"], server["maxclients"])
        if server.get("clients") and server.get("maxclients")
        else None,
    )
    return recommend(
        host,
        machine,
        _preferences(preferences or {}),
        read_load(processes, seen.get("queues") or [], own),
        Connected(**connected) if connected else None,
    )


def _preferences(values: t.Mapping[str, t.Any]) -> Preferences:
    wanted = {name: value for name, value in values.items() if value is not None}
    sizes = {name: human_to_bytes(wanted[name]) for name in _SIZES if name in wanted}
    return Preferences(**{**wanted, **sizes, "required_queues": tuple(wanted.get("required_queues", ()))})


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_tuning_plan": _tuning_plan}
