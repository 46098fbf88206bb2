# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a log that may be shown."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.host import journal
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _log_lines
short_description: "[INTERNAL] The last lines of a log, without arguments of jobs"
version_added: 1.0.0
description:
  - B(Internal.) Made for the reports of this collection's roles; it may change or go at any time without notice.
  - Sidekiq writes a job with its arguments into the log when it fails. These are left out, and so is what a terminal would obey.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: The log.
    type: string
    required: true
  number:
    description: How many lines.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Show the end of a log
  fediverse.mastodon.report:
    text: "{{ journal.stdout | fediverse.mastodon._log_lines(number=5) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: string
"""


@in_a_sentence
def _log_lines(text: str, number: int = 10) -> str:
    """See DOCUMENTATION."""
    return "\n".join(journal.shown(text or "", int(number)))


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., str]]:
        return {"_log_lines": _log_lines}
