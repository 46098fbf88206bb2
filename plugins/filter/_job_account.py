# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the jobs of processes that were stopped, in one line."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.processes.account import describe
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _job_account
short_description: "[INTERNAL] What became of the jobs of processes that were stopped, in one line"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice. It fails rather than to show numbers that do not add up.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - What M(fediverse.mastodon.sidekiq_process) returns, or a dictionary with the same numbers.
    type: dictionary
    required: true
"""

EXAMPLES = r"""
- name: Say what became of the jobs
  ansible.builtin.debug:
    msg: "{{ stopped | fediverse.mastodon._job_account }}"
"""

RETURN = r"""
_value:
  description: How many jobs ran, and how many of these finished, are to be retried, were pushed back, restored or lost, or are not known.
  type: string
"""


@in_a_sentence
def _job_account(found: t.Mapping[str, t.Any]) -> str:
    """See DOCUMENTATION."""
    return describe(found)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_job_account": _job_account}
