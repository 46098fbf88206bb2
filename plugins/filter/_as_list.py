# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list that was given on the command line."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.jobs.names import parse_names
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _as_list
short_description: "[INTERNAL] A list, also where the command line gave a text"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the options of the roles. C(ansible-playbook -e name=value) makes every value a text; Ansible checks it against the role's argument
    specification, and then leaves it the text that it is.
  - With a O(kind) the names are checked as the modules check theirs. What can be no such name by its form is an error.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: A list, or a text with commas between what would be its elements.
    type: raw
    required: true
  kind:
    description:
      - What the list names. White space parts names, too, but for V(files) and V(tags).
      - Of a URL in V(domains) its server is taken, with a warning.
    type: str
    choices: [queues, classes, errors, jids, domains, digests, identities, hostnames, tags, accounts, usernames, units, files, words]
  option:
    description: Name of the option, for the error and the warning.
    type: str
    default: list
"""

EXAMPLES = r"""
- name: Name the servers
  ansible.builtin.debug:
    msg: "{{ 'gone.example, dead.example' | fediverse.mastodon._as_list }}"

- name: Name the servers, in the form in which Mastodon stores them
  ansible.builtin.debug:
    msg: "{{ 'https://Gone.example/ bücher.example' | fediverse.mastodon._as_list('domains', 'my_domains') }}"
"""

RETURN = r"""
_value:
  description: The list; of a text its elements without spaces around them, and without those that are empty.
  type: list
  elements: raw
"""


@in_a_sentence
def _as_list(value: str | t.Sequence[t.Any], kind: str | None = None, option: str = "list") -> list[t.Any]:
    """See DOCUMENTATION."""
    if kind is not None:
        if isinstance(value, str) and not value.strip(" ,"):
            return []  # as -e name= takes a list away
        names, warnings = parse_names(kind, option, value)
        for warning in warnings:
            Display().warning(warning)
        return names
    if isinstance(value, str):
        return [element.strip() for element in value.split(",") if element.strip()]
    return list(value)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_as_list": _as_list}
