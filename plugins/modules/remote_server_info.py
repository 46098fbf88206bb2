#!/usr/bin/python

# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: remote_server_info
short_description: Ask remote servers whether they answer
version_added: 1.0.0
description:
  - Asks each server what a delivery to it asks - whether its name can be looked up, whether it takes a connection, whether its certificate is
    valid, whether it answers - and then which software it runs (nodeinfo).
  - A server that does not answer is a result, not a failure of the task. Fifty servers are asked at the same time.
  - Does not connect to an address that is not public (loopback, link-local, private, CGNAT, multicast and reserved networks, also inside an
    address of IPv6) unless O(allow_private=true), for the names often come out of jobs, and a stranger chose them. The name is looked up
    once, and the connection goes to an address that was checked. No redirection is followed.
  - Runs on the host whose view counts, for a firewall or a broken IPv6 may be what is in the way.
  - Needs Python's standard library alone. It sends nothing but two requests without any cookie or token, and goes through no proxy.
extends_documentation_fragment:
  - fediverse.mastodon.attributes
  - fediverse.mastodon.attributes.info_module
options:
  domains:
    description:
      - Names of servers, each with at most 253 characters.
    type: list
    elements: str
    required: true
  port:
    description:
      - TCP port of HTTPS.
    type: int
    default: 443
  timeout:
    description:
      - Seconds that each of the five steps may take.
    type: float
    default: 5.0
  ca_path:
    description:
      - File with the certificates of the authorities to trust. The default is those of the system.
    type: path
  allow_private:
    description:
      - Whether to connect to addresses that are not public, such as those of a test network.
    type: bool
    default: false
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
"""

EXAMPLES = r"""
- name: Does it answer?
  fediverse.mastodon.remote_server_info:
    domains:
      - gone.example
  register: asked

- name: Does the server in the test network answer?
  fediverse.mastodon.remote_server_info:
    domains:
      - mastodon.lab
    allow_private: true
"""

RETURN = r"""
servers:
  description: What is known of each server, in the order of O(domains).
  returned: success
  type: list
  elements: dict
  contains:
    domain:
      description: Its name.
      returned: success
      type: str
      sample: gone.example
    ok:
      description: Whether it got through all steps.
      returned: success
      type: bool
      sample: false
    failed_at:
      description: The step that did not work - V(dns), V(tcp), V(tls), V(http) or V(nodeinfo); null if all did.
      returned: success
      type: str
      sample: tcp
    reason:
      description: Why not.
      returned: success
      type: str
      sample: "192.0.2.1 port 443: no answer in time"
    addresses:
      description: Its addresses.
      returned: success
      type: list
      elements: str
      sample: [192.0.2.1]
    address:
      description: The one that took the connection.
      returned: success
      type: str
      sample: null
    tls_version:
      description: The version of TLS.
      returned: success
      type: str
      sample: TLSv1.3
    certificate_days:
      description: In how many days its certificate ends.
      returned: success
      type: float
      sample: 61.5
    http_status:
      description: The last status of HTTP that it answered with.
      returned: success
      type: int
      sample: 200
    software:
      description: The software that it says it runs.
      returned: success
      type: str
      sample: mastodon
    version:
      description: The version of that.
      returned: success
      type: str
      sample: 4.6.5
    seconds:
      description: How long each step took; null for those that were not tried.
      returned: success
      type: dict
      sample: {"dns": 0.012, "tcp": 5.005, "tls": null, "http": null, "nodeinfo": null}
"""

from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible import run_host
from ansible_collections.fediverse.mastodon.plugins.module_utils._ansible.modules import remote_server_info


def main() -> None:
    run_host.run(remote_server_info.OPTIONS, remote_server_info.look)


if __name__ == "__main__":
    main()
