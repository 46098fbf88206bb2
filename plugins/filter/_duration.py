# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations in the reports of the roles."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.humanize import duration
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _duration
short_description: "[INTERNAL] A duration as a person reads it"
version_added: 1.0.0
description:
  - B(Internal.) Made for the reports of this collection's roles; it may change or go at any time without notice.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description: Seconds.
    type: float
    required: true
"""

EXAMPLES = r"""
- name: Print how long the oldest job has waited
  fediverse.mastodon.report:
    text: "The next job has waited {{ queue.latency | fediverse.mastodon._duration }}."
"""

RETURN = r"""
_value:
  description: The duration, such as V(45 s), V(12 min), V(3.5 h) or V(2.1 d).
  type: string
"""


@in_a_sentence
def _duration(seconds: float) -> str:
    """See DOCUMENTATION."""
    return duration(float(seconds))


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., str]]:
        return {"_duration": _duration}
