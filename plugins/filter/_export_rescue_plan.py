# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role export_rescue does for the archives that people wait for."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.exports.rescue import Situation, is_due, plan
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _export_rescue_plan
short_description: "[INTERNAL] What can be done for archives that hang"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the role P(fediverse.mastodon.export_rescue#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - What M(fediverse.mastodon.export_info) returns.
    type: dictionary
    required: true
  stuck_after:
    description:
      - For how long an archive may be built.
    type: string
    required: true
  retries:
    description:
      - What becomes of jobs that failed.
    type: string
    choices: [run, keep, remove]
    default: run
  serving:
    description:
      - The queues that some process serves.
    type: list
    elements: string
    default: []
  sizes:
    description:
      - How many jobs wait in each queue.
    type: dictionary
  worker_from:
    description:
      - Jobs before an archive from which on a worker of its own is wanted.
    type: int
    default: 1000
  storage:
    description:
      - What M(fediverse.mastodon.export_storage_info) returned. Without it nothing is refused for want of room.
    type: dictionary
"""

EXAMPLES = r"""
- name: What can be done?
  ansible.builtin.debug:
    msg: "{{ archives | fediverse.mastodon._export_rescue_plan(stuck_after='6h', serving=['pull']) }}"
"""

RETURN = r"""
_value:
  description:
    - C(enqueue), rows whose job is put back; C(retry), jobs that are run now; C(surplus), jobs that are taken out; C(stuck), jobs that run for too
      long, with their processes; C(watch), rows whose archive is then to come; C(helpless), rows for which nothing is done, and why;
      C(no_room), those of them for whose archive there is no room; C(worker_queues), queues that need a worker of their own, because nobody
      serves them or too many jobs stand before an archive; C(ahead), how many these are at most; C(due), whether anything is done at all.
  type: dictionary
"""


@in_a_sentence
def _export_rescue_plan(
    found: t.Mapping[str, t.Any],
    stuck_after: str,
    retries: str = "run",
    serving: t.Sequence[str] = (),
    sizes: t.Mapping[str, int] | None = None,
    worker_from: int = 1000,
    storage: t.Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    if retries not in ("run", "keep", "remove"):
        raise AnsibleFilterError(f"export_rescue_plan: retries must be run, keep or remove, not {retries!r}.")
    rescue = plan(found, stuck_after, retries, Situation(serving, sizes or {}, worker_from, storage))
    return {**vars(rescue), "due": is_due(rescue)}


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_export_rescue_plan": _export_rescue_plan}
