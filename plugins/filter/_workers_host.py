# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles need to know of a host before they can ask it the rest."""

from __future__ import annotations

import typing as t

from ansible_collections.fediverse.mastodon.plugins.module_utils._mastodon.workers.host import Host, read_host
from ansible_collections.fediverse.mastodon.plugins.plugin_utils.failures import in_a_sentence

DOCUMENTATION = r"""
name: _workers_host
short_description: "[INTERNAL] Where Mastodon is and who runs it, from the unit of Sidekiq"
version_added: 1.0.0
description:
  - B(Internal.) Made for this collection's roles; it may change or go at any time without notice.
  - Made for the roles P(fediverse.mastodon.workers#role) and P(fediverse.mastodon.tuning#role).
author:
  - The fediverse.mastodon authors (@fediverse-mastodon)
positional: _input
options:
  _input:
    description:
      - C(stock_unit), and the output of C(systemctl list-unit-files) as C(files), of C(list-units) as C(loaded), of C(cat) and of C(show).
    type: dictionary
    required: true
"""

EXAMPLES = r"""
- name: Where is Mastodon?
  ansible.builtin.debug:
    msg: "{{ ({'stock_unit': 'mastodon-sidekiq.service', 'cat': shown.stdout, 'files': files.stdout} | fediverse.mastodon._workers_host).root }}"
"""

RETURN = r"""
_value:
  description: C(root), C(user), C(units) by name with C(pid) and C(active), C(pids) of those that run, and the command C(psql).
  type: dictionary
"""


_QUERY = (
    "SELECT name || '|' || setting FROM pg_settings"
    " WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')"
)


@in_a_sentence
def _workers_host(facts: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """See DOCUMENTATION."""
    host = read_host(facts)
    stock, user = host.stock, host.stock.last("User") or "root"
    return {
        "root": stock.last("WorkingDirectory") or "/home/mastodon/live",
        "user": user,
        "units": {name: {"pid": found.pid, "active": found.active} for name, found in host.units.items()},
        "pids": sorted(found.pid for found in host.units.values() if found.pid),
        "psql": ["runuser", "-u", user, "--", "psql", "-wXtA", *_database(host), "-c", _QUERY],
    }


def _database(host: Host) -> t.Iterator[str]:
    """Options of psql, with the defaults of config/database.yml. A password is none of them: what needs one is not asked."""
    for option, name, default in (
        ("-h", "DB_HOST", None),
        ("-p", "DB_PORT", None),
        ("-U", "DB_USER", "mastodon"),
        ("-d", "DB_NAME", "mastodon_production"),
    ):
        value = host.variable(name) or default
        if value:
            yield from (option, value)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_workers_host": _workers_host}
