# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module for blocks of remote servers does."""

from __future__ import annotations

import typing as t

from ..._mastodon.federation.domain_blocks import (
    FIELDS,
    SEVERITIES,
    Block,
    Step,
    block_of,
    normal,
    plan_absent,
    plan_present,
    requested_limits,
)
from .. import admin_api
from ..ending import Result
from ..run_host import Host

OPTIONS: t.Final = {
    "domain": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "severity": {"type": "str", "choices": list(SEVERITIES)},
    "update": {"type": "bool", "default": False},
    "reject_media": {"type": "bool"},
    "reject_reports": {"type": "bool"},
    "private_comment": {"type": "str"},
    "public_comment": {"type": "str"},
    "obfuscate": {"type": "bool"},
    **admin_api.OPTIONS,
}
CONSTRAINTS: t.Final = {"required_if": [("state", "present", ("severity",))]}
_PATH: t.Final = "/api/v1/admin/domain_blocks"
_A_PAGE: t.Final = 200


def change(host: Host) -> Result:
    """Read all blocks, plan, and outside check mode do it."""
    options = host.options
    domain, api = normal(options["domain"]), admin_api.Api(options)
    blocks = [block_of(entry) for entry in api.pages(_PATH, _A_PAGE)]
    if options["state"] == "present":
        step = plan_present(domain, requested_limits(options), options["update"], blocks)
    else:
        step = plan_absent(domain, options["severity"], blocks)
    block = step.block if host.check_mode else _apply(api, step)
    return {
        "changed": step.method is not None,
        "domain": domain,
        "was": step.was,
        "block": block,
        "diff": {"before": _shown(step.was), "after": _shown(step.block)},
    }


def _apply(api: admin_api.Api, step: Step) -> Block | None:
    if step.method is None:
        return step.block
    path = _PATH if step.was is None else f"{_PATH}/{step.was['id']}"
    answer = api.ask(step.method, path, None if step.method == "DELETE" else step.send)
    return None if step.method == "DELETE" else block_of(answer)


def _shown(block: Block | None) -> Result:
    return {} if block is None else {name: block[name] for name in ("domain", *FIELDS)}
