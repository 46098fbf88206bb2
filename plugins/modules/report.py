#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Print a text on the terminal
version_added: 1.0.0
description:
  - Prints a text of several lines, where M(ansible.builtin.debug) would print it as one quoted string.
  - What a terminal would obey is left out - an escape sequence, any other control character but the line break, and characters that reverse
    the direction of writing or have no width become C(?). Strangers choose some of the names that a report shows.
  - This is an action plugin. It runs on the controller and needs no connection to the host.
extends_documentation_fragment:
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.info_module
options:
  text:
    description:
      - What to print.
    type: str
    required: true
seealso:
  - plugin: fediverse.mastodon.health_report
    plugin_type: filter
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Show a report
  fediverse.mastodon.report:
    text: "{{ {inventory_hostname: health} | fediverse.mastodon.health_report }}"
"""

RETURN = r"""
"""
