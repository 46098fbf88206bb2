# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units of Sidekiq the role restart restarts."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.restart import judge, read_units
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: restart_plan
short_description: Which units of Sidekiq are to be restarted, and why
version_added: 1.0.0
description:
  - Made for the role P(fediverse.mastodon.restart#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - The output of C(systemctl show) for the units, with C(Id), C(MainPID), C(ActiveState), C(NeedDaemonReload) and C(Restart).
    type: string
    required: true
  processes:
    description:
      - The processes, as M(fediverse.mastodon.sidekiq_info) returns them.
    type: list
    elements: dictionary
    required: true
  nodename:
    description:
      - How the processes of this host name it.
    type: string
    required: true
  files:
    description:
      - Files whose change asks for a restart, with C(path) and C(mtime) in epoch seconds.
    type: list
    elements: dictionary
    default: []
  force:
    description:
      - Whether to restart all of them.
    type: boolean
    default: false
"""

EXAMPLES = r"""
- name: What is to be restarted?
  ansible.builtin.debug:
    msg: "{{ shown.stdout | fediverse.mastodon.restart_plan(processes=sidekiq.processes, nodename=ansible_facts['nodename']) }}"
"""

RETURN = r"""
_value:
  description:
    - For each unit that runs its C(unit) (C(name), C(pid), C(starts_again)), its C(identity) in Redis, how many jobs it runs (C(busy)), and the
      reasons to restart it (C(why)), which are none if nothing changed.
  type: list
  elements: dictionary
"""


@in_a_sentence
def restart_plan(
    shown: str,
    processes: t.Sequence[t.Mapping[str, t.Any]],
    nodename: str,
    files: t.Sequence[t.Mapping[str, t.Any]] = (),
    force: bool = False,
) -> list[dict[str, t.Any]]:
    """See DOCUMENTATION."""
    verdicts = judge(read_units(shown), processes, nodename, files, force)
    return [{**asdict(verdict), "why": list(verdict.why)} for verdict in verdicts]


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"restart_plan": restart_plan}
