# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that strangers chose, fit for a report."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.text import printable, printable_deep
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _printable
short_description: "[INTERNAL] Text that a terminal shows as it is"
version_added: 1.0.0
description:
  - B(Internal.) Made for the reports of this collection's roles; it may change or go at any time without notice.
  - Whoever can enqueue a job chooses its class, queue, error, tag and domain. A report takes these names through this filter, so that none of them
    clears the screen, reverses the direction of writing or begins a line of its own.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: A text, or a list or dictionary of any depth with texts in it.
    type: raw
    required: true
  longest:
    description: Characters from which on a text is cut.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Name the queues
  fediverse.mastodon.report:
    text: "{{ sidekiq.queues | map(attribute='name') | fediverse.mastodon._printable | join(', ') }}"
"""

RETURN = r"""
_value:
  description: The same, each text in one line without control characters and what cannot be seen.
  type: raw
"""


@in_a_sentence
def _printable(value: t.Any, longest: int = 120) -> t.Any:
    """See DOCUMENTATION."""
    listed = list(value) if isinstance(value, t.Iterator) else value  # such as what map() gives
    return printable_deep(listed, functools.partial(printable, longest=int(longest)))


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_printable": _printable}
