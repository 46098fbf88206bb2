# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module that asks remote servers does."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ..._mastodon.federation.authorities import trusted_authorities
from ..._mastodon.federation.server_probe import STEPS, Probe, Way, probe_all
from ..._mastodon.jobs.names import is_server, parse_names
from ..._sidekiq.errors import BadOption
from ..ending import Result
from ..run_host import Host

OPTIONS: t.Final = {
    "domains": {"type": "list", "elements": "str", "required": True},
    "port": {"type": "int", "default": 443},
    "timeout": {"type": "float", "default": 5.0},
    "ca_path": {"type": "path"},
    "allow_private": {"type": "bool", "default": False},
}


def look(host: Host) -> Result:
    """Ask all of them."""
    options = host.options
    domains, warnings = parse_names("domains", "domains", options["domains"])
    for domain in domains:
        if not is_server(domain):
            raise BadOption(f"domains: {domain!r} is no name of a server, such as mastodon.example.")
    if not 0 < options["timeout"] <= 60:
        raise BadOption("timeout must be more than 0 and at most 60 seconds.")
    if not 0 < options["port"] < 65536:
        raise BadOption(f"port: {options['port']} is no port.")
    way = Way(options["port"], options["timeout"], trusted_authorities(options["ca_path"]), options["allow_private"])
    probes = probe_all(domains, way)
    return {"changed": False, "servers": [_shape(probe) for probe in probes], "warnings": warnings}


def _shape(probe: Probe) -> Result:
    seconds = {step: probe.seconds.get(step) for step in STEPS}
    return {**asdict(probe), "ok": probe.failed_at is None, "seconds": seconds}
