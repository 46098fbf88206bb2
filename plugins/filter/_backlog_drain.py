# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workers of the role temporary_workers."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.text.formatters import human_to_bytes

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.backlog.drain import (
    STEM,
    DrainRequest,
    plan_drain,
)
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import read_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.duration import seconds
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _backlog_drain
short_description: "[INTERNAL] Transient units that are what the stock unit is, but for queues, threads and memory"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.temporary_workers#role).
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
  queues:
    description: Queues that they serve, never C(scheduler).
    type: list
    elements: string
    required: true
  tag:
    description: Tag of the processes, and what the names of their units begin with.
    type: string
    default: mastodon-drain
  workers:
    description: How many processes.
    type: int
    default: 1
  threads:
    description: Threads of each.
    type: int
    default: 10
  memory:
    description: The most memory of each, such as V(1G).
    type: string
    default: 1G
  deadline:
    description: After this time systemd ends them by itself.
    type: string
    default: 1h
  free_connections:
    description: Of PostgreSQL; none if it could not be asked.
    type: int
  free_memory:
    description: Of the host, in bytes; none if it is not known.
    type: int
"""

EXAMPLES = r"""
- name: What would be started?
  ansible.builtin.debug:
    msg: "{{ (facts_of_host | fediverse.mastodon._backlog_drain(queues=['push'])).units | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description:
    - C(units), each with its C(name), the command C(argv) that starts it, and C(file) and text of its C(environment); the C(threads) of all;
      C(refusals) and C(warnings) in sentences.
  type: dictionary
"""


@in_a_sentence
def _backlog_drain(
    facts: t.Mapping[str, t.Any],
    queues: t.Sequence[str],
    workers: int = 1,
    threads: int = 10,
    memory: str = "1G",
    deadline: str = "1h",
    free_connections: int | None = None,
    free_memory: int | None = None,
    tag: str = STEM,
) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    request = DrainRequest(tuple(queues), workers, threads, human_to_bytes(memory), seconds(deadline, "deadline"), tag)
    return plan_drain(read_host(facts), request, free_connections, free_memory)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_backlog_drain": _backlog_drain}
