#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: domain_block
short_description: Block a remote server, through Mastodon's admin API
version_added: 1.0.0
description:
  - Makes, changes or takes away a domain block of a Mastodon server, as its page Moderation, Federation does.
  - A block repairs no queue. Mastodon does not look at it before it delivers, and jobs for that server stay where they are.
  - What it does cannot be undone in every case, see O(severity).
  - Needs Python's standard library alone. Runs wherever the server can be reached by HTTPS.
extends_documentation_fragment:
  - fediverse.mastodon.attributes
attributes:
  check_mode:
    support: full
    details:
      - Only asks for the blocks that there are (GET).
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  domain:
    description:
      - Name of the remote server. A block holds for its subdomains, too.
    type: str
    required: true
  state:
    description:
      - V(present) blocks it, V(absent) takes the block away.
      - Taking a V(suspend) away lets the accounts of that server come back, but neither their posts nor the follows that it has cut.
    type: str
    choices: [present, absent]
    default: present
  severity:
    description:
      - What is done to it. There is no default, as the difference is large. Needed with O(state=present).
      - V(noop) rejects only what O(reject_media) and O(reject_reports) name.
      - V(silence) hides posts of that server from everybody who does not follow their authors.
      - V(suspend) takes no more activities from it, deletes all of its accounts and posts here, and cuts follows in both directions for good.
        It adds deliveries to that very server.
      - With O(state=absent), only a block of this severity is taken away; one of another severity is an error.
    type: str
    choices: [noop, silence, suspend]
  update:
    description:
      - Whether to change a block that is there already and is not as wanted. Otherwise that is an error.
      - What the task does not give stays as it is.
    type: bool
    default: false
  reject_media:
    description:
      - Whether to store no media of that server, and to remove those that are stored.
    type: bool
  reject_reports:
    description:
      - Whether to ignore reports of that server.
    type: bool
  private_comment:
    description:
      - What moderators of the own server read beside the block.
    type: str
  public_comment:
    description:
      - What everybody reads beside the block, if the server publishes its blocks.
    type: str
  obfuscate:
    description:
      - Whether to publish the name of that server only in part.
    type: bool
  api_url:
    description:
      - Address of the own server, such as V(https://mastodon.example). V(http://) is taken only for this very machine.
    type: str
    required: true
  token:
    description:
      - Access token with the scopes C(admin:read:domain_blocks) and C(admin:write:domain_blocks), of a user whose role may manage federation.
      - Keep it in a vault. It is sent in a header, and follows no redirection.
    type: str
    required: true
  validate_certs:
    description:
      - Whether the certificate of the server must be valid.
    type: bool
    default: true
  ca_path:
    description:
      - File with the certificates of the authorities to trust. The default is those of the system.
    type: path
  use_proxy:
    description:
      - Whether to go through the proxy that the environment names.
    type: bool
    default: true
  timeout:
    description:
      - Seconds that all requests together may take. Reading many blocks takes several.
    type: float
    default: 30.0
seealso:
  - module: fediverse.mastodon.sidekiq_job
    description: Takes the jobs of a server out of the queues.
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Store no media of a server
  fediverse.mastodon.domain_block:
    api_url: https://mastodon.example
    token: "{{ mastodon_token }}"
    domain: loud.example
    severity: noop
    reject_media: true
    private_comment: It fills the disk, ticket 42.

- name: Hide it from those who do not follow it, whatever the block was before
  fediverse.mastodon.domain_block:
    api_url: https://mastodon.example
    token: "{{ mastodon_token }}"
    domain: loud.example
    severity: silence
    update: true

- name: Take the block away
  fediverse.mastodon.domain_block:
    api_url: https://mastodon.example
    token: "{{ mastodon_token }}"
    domain: loud.example
    state: absent
"""

RETURN = r"""
domain:
  description: The name of the server as Mastodon stores it.
  returned: success
  type: str
  sample: loud.example
was:
  description: The block that there was; null if there was none.
  returned: success
  type: dict
  contains: &block
    id:
      description: Its id, for the API. Null in check mode for one that is not made yet.
      returned: success
      type: str
      sample: "42"
    domain:
      description: The server.
      returned: success
      type: str
      sample: loud.example
    severity:
      description: V(noop), V(silence) or V(suspend).
      returned: success
      type: str
      sample: silence
    reject_media:
      description: Whether its media are not stored.
      returned: success
      type: bool
      sample: false
    reject_reports:
      description: Whether its reports are ignored.
      returned: success
      type: bool
      sample: false
    private_comment:
      description: The comment for moderators; null if there is none.
      returned: success
      type: str
      sample: It fills the disk, ticket 42.
    public_comment:
      description: The comment for everybody; null if there is none.
      returned: success
      type: str
      sample: null
    obfuscate:
      description: Whether its name is published only in part.
      returned: success
      type: bool
      sample: false
block:
  description: The block that there is now, or would be; null if there is none.
  returned: success
  type: dict
  contains: *block
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import domain_block


def main() -> None:
    run_host.run(domain_block.OPTIONS, domain_block.change, **domain_block.CONSTRAINTS)


if __name__ == "__main__":
    main()
