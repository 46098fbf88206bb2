# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tootctl did, read from what it printed."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.federation.tootctl import read_tootctl, tell
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _tootctl
short_description: "[INTERNAL] What tootctl did, read from what it printed"
version_added: 1.0.0
description:
  - B(Internal.) Made for the role P(fediverse.mastodon.federation_rescue#role); it may change or go at any time without notice.
  - C(tootctl accounts unfollow) and C(tootctl domains purge) end with the exit status 0 also where they failed for some accounts or for all.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: The results of a loop of M(ansible.builtin.command), one for each account or server.
    type: list
    elements: dictionary
    required: true
  command:
    description: What was run, V(unfollow) or V(purge).
    type: string
    required: true
"""

EXAMPLES = r"""
- name: What became of it
  ansible.builtin.debug:
    msg: "{{ ran.results | fediverse.mastodon._tootctl(command='purge') }}"
"""

RETURN = r"""
_value:
  description:
    - For each C(of) its C(outcome) (V(failed), V(partial), V(nothing) or V(done)), how many C(accounts) and C(emojis) it dealt with, at how many
      accounts it C(failed), its C(status), a few lines that it C(said), and all of that as a C(sentence).
  type: list
  elements: dictionary
"""


@in_a_sentence
def _tootctl(results: t.Iterable[t.Mapping[str, t.Any]], command: str) -> list[dict[str, t.Any]]:
    """See DOCUMENTATION."""
    found = []
    for one in results:
        printed, errors = one.get("stdout") or "", one.get("stderr") or one.get("msg") or ""
        result = read_tootctl(command, str(one.get("item", "")), one.get("rc"), printed, errors)
        found.append({**result, "sentence": tell(command, result)})
    return found


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_tootctl": _tootctl}
