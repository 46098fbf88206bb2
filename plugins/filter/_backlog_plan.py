# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role backlog_recovery makes of its measurements."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.backlog.flow import measure
from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.backlog.plan import Marks, decide, drained
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.duration import seconds
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _backlog_plan
short_description: "[INTERNAL] How fast jobs come and go, which queues are behind, and what is stuck"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.backlog_recovery#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - What M(fediverse.mastodon.sidekiq_info) returned, with the sections V(totals), V(queues), V(processes) and V(busy), and
        V(sets) for what is not polled.
    type: dictionary
    required: true
  before:
    description:
      - The same, some seconds earlier. A set from which jobs were moved since then is polled, however many jobs of it are still due.
    type: dictionary
    required: true
  more_threads:
    description: With how many more threads to estimate the time until the queues are empty.
    type: int
    default: 10
  high_mark:
    description: From so many waiting jobs on a queue is behind.
    type: int
    default: 1000
  low_mark:
    description: So many waiting jobs are fine again.
    type: int
    default: 100
  latency:
    description: A queue is behind when its next job has waited for longer.
    type: string
    default: 5m
  acceptable_delay:
    description: A backlog that will be gone within this time is left to itself.
    type: string
    default: 10m
  stuck_after:
    description: A job that holds its thread for longer is stuck.
    type: string
    default: 30m
  due_late:
    description: The retry or scheduled set is not polled when a job is due for longer.
    type: string
    default: 1m
  queues:
    description: These queues are watched; by default those that are behind.
    type: list
    elements: string
"""

EXAMPLES = r"""
- name: How long will it take?
  ansible.builtin.debug:
    msg: "{{ (later | fediverse.mastodon._backlog_plan(before=earlier)).to_empty }}"
"""

RETURN = r"""
_value:
  description:
    - C(seconds) that were measured, and the rates in jobs a second, C(arrived), C(completed), C(failed) and C(per_thread); C(backlog), C(threads).
    - C(to_empty) and C(to_empty_with_more) in seconds, none if the queues grow; C(threads_to_hold), how many more it takes so that they do not.
    - C(queues) with size, latency and growth, those that are C(behind) and why, C(drain_queues), for which more threads are wanted, and queues like
      these for whose names no unit can be started (C(undrainable)). C(queues_behind) are the names of those that are behind, but for names that no
      module takes, which are C(skipped).
    - C(stuck) jobs, processes that are all quiet (C(asleep)), both together as C(stuck_processes), sets that are C(unpolled), and whether the
      watched queues are C(drained).
  type: dictionary
"""


@in_a_sentence
def _backlog_plan(
    after: t.Mapping[str, t.Any],
    before: t.Mapping[str, t.Any],
    more_threads: int = 10,
    high_mark: int = 1000,
    low_mark: int = 100,
    latency: str = "5m",
    acceptable_delay: str = "10m",
    stuck_after: str = "30m",
    due_late: str = "1m",
    queues: t.Sequence[str] | None = None,
) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    marks = Marks(
        high_mark,
        low_mark,
        seconds(latency, "latency"),
        seconds(acceptable_delay, "acceptable_delay"),
        seconds(stuck_after, "stuck_after"),
        seconds(due_late, "due_late"),
    )
    flow = measure(before, after)
    found = decide(flow, after, marks, before)
    watched = [queue["name"] for queue in found["behind"]] if queues is None else queues
    return {
        "seconds": round(flow.seconds, 1),
        "backlog": flow.backlog,
        "arrived": round(flow.arrived, 2),
        "completed": round(flow.completed, 2),
        "failed": round(flow.failed, 2),
        "per_thread": None if flow.per_thread is None else round(flow.per_thread, 3),
        "threads": flow.threads,
        "to_empty": _whole(flow.to_empty()),
        "to_empty_with_more": _whole(flow.to_empty(more_threads)),
        "threads_to_hold": flow.threads_to_hold(),
        "queues": [
            {
                "name": queue["name"],
                "size": queue["size"],
                "latency": queue["latency"],
                "net": round(flow.net.get(queue["name"], 0), 2),
            }
            for queue in after["queues"]
        ],
        "drained": drained(after["queues"], watched, low_mark),
        **found,
    }


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_backlog_plan": _backlog_plan}
