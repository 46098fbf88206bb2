# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the jobs that ran in a unit when the role restart restarted it."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.restart import account
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _restart_account
short_description: "[INTERNAL] What became of the jobs of a unit that was restarted"
version_added: 1.0.0
description:
  - Internal to the role P(fediverse.mastodon.restart#role). It may change or go at any time without notice.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - The unit, as the filter P(fediverse.mastodon._restart_plan#filter) returned it in C(due).
    type: dictionary
    required: true
  quiet:
    description:
      - What M(fediverse.mastodon.sidekiq_info) returned once the processes were quiet.
    type: dictionary
    required: true
  failed:
    description:
      - Jids that are in the retry or dead set afterwards.
    type: list
    elements: string
    default: []
  stopped:
    description:
      - What M(fediverse.mastodon.sidekiq_process) returned.
    type: dictionary
  unmatched:
    description:
      - What M(fediverse.mastodon.sidekiq_host_process) returned.
    type: dictionary
"""

EXAMPLES = r"""
- name: Show what became of the jobs
  ansible.builtin.debug:
    msg: "{{ unit | fediverse.mastodon._restart_account(quiet=quiet, failed=[], stopped=stopped) }}"
"""

RETURN = r"""
_value:
  description:
    - C(ran), and its parts C(completed), C(retried), C(pushed_back), C(restored), C(lost) and C(not_known), which add up to it; whether further jobs
      ran that nobody counted (C(uncounted)); the C(unit) and the C(archive).
  type: dictionary
"""


@in_a_sentence
def _restart_account(
    due: t.Mapping[str, t.Any],
    quiet: t.Mapping[str, t.Any],
    failed: t.Sequence[str] = (),
    stopped: t.Mapping[str, t.Any] | None = None,
    unmatched: t.Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    return account(due, quiet, failed, stopped or {}, unmatched or {})


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_restart_account": _restart_account}
