#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: journal_info
short_description: Show which Sidekiq processes were killed, and what their log says of a server
version_added: 1.0.0
description:
  - Reads systemd's journal. Returns the lines in which the kernel or systemd say that a Sidekiq process was killed, and the lines of units in which
    a text occurs, such as the name of a remote server.
  - Anybody can write to the journal, and Ansible itself writes the arguments of its modules there. Only the kernel and systemd are believed when they
    say that a process was killed.
  - Sidekiq logs the arguments of a job with its error. They are removed before a line leaves the host, and so are control and direction characters.
  - At most 200,000 bytes are read for each text, and a line is cut after 300 characters.
extends_documentation_fragment:
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.info_module
options:
  kills:
    description: Whether to read which processes of Sidekiq were killed.
    type: bool
    default: true
  kills_since:
    description: From when on to read kills, as C(journalctl --since) takes it.
    type: str
    default: "-24h"
  mentions:
    description: Texts to search for in the log of O(units).
    type: list
    elements: str
    default: []
  units:
    description: Units in whose log to search, and patterns for them. Without any unit nothing is searched.
    type: list
    elements: str
    default:
      - mastodon-sidekiq*.service
  since:
    description: From when on to search, as C(journalctl --since) takes it.
    type: str
    default: "-2h"
  lines:
    description: How many lines to return at most, the last ones, for the kills and for each text.
    type: int
    default: 5
notes:
  - Run the task as root. Other users see only their own lines.
seealso:
  - module: fediverse.mastodon.mastodon_info
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Read what the log says of a remote server
  fediverse.mastodon.journal_info:
    mentions:
      - gone.example
  become: true
  register: journal

- name: Show the processes that were killed
  ansible.builtin.debug:
    msg: "{{ journal.kills }}"
"""

RETURN = r"""
available:
  description: Whether the host has journalctl. Nothing was read otherwise.
  returned: success
  type: bool
  sample: true
kills:
  description: The last lines that say that a Sidekiq process was killed, oldest first.
  returned: success
  type: list
  elements: str
  sample:
    - "2026-11-22T07:04:44+0000 web1 systemd[1]: mastodon-sidekiq.service: Main process exited, code=killed, status=9/KILL"
mentions:
  description: For each text of O(mentions) the last lines in which it occurs, oldest first.
  returned: success
  type: dict
  sample:
    gone.example:
      - "2026-11-22T07:05:01+0000 web1 bundle[1856]: WARN: HTTP::TimeoutError: connect timed out after 10s on https://gone.example/inbox"
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import journal_info


def main() -> None:
    run_host.run(journal_info.OPTIONS, journal_info.journal_info)


if __name__ == "__main__":
    main()
