# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module does that stops processes of this host which Redis does not show."""

from __future__ import annotations

import typing as t

from ..._mastodon.processes import host_stop
from ..._mastodon.processes.host_stop import Stopped, Target
from ..._sidekiq.duration import seconds
from ..._sidekiq.errors import SidekiqError
from ..ending import Result
from ..run_host import Host

OPTIONS: t.Final = {
    "processes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"pid": {"type": "int", "required": True}, "ticks": {"type": "int", "required": True}},
    },
    "drain_timeout": {"type": "str", "default": "5m"},
    "stop_timeout": {"type": "str", "default": "60s"},
}


def stop_processes(host: Host) -> Result:
    """Stop those that still run; fails if one does not end in time, and kills none."""
    drain = seconds(host.options["drain_timeout"], "drain_timeout")
    stop_timeout = seconds(host.options["stop_timeout"], "stop_timeout")
    running = host_stop.check(Target(ended["pid"], ended["ticks"]) for ended in host.options["processes"])
    if host.check_mode or not running:
        return _result([Stopped(target, host_stop.busy(target), None, False) for target in running])
    host.progress["changed"] = True
    stopped = host_stop.stop(running, drain, stop_timeout)
    late = [ended.target.pid for ended in stopped if not ended.gone]
    if late:
        host.progress.update(_result(stopped))
        raise SidekiqError(
            f"The process {', '.join(map(str, late))} still runs {stop_timeout:g} s after it was told to stop. It was not killed; it is quiet"
            " and takes no jobs. Raise stop_timeout above the timeout of Sidekiq (25 s, or as its sidekiq.yml says)."
        )
    return _result(stopped)


def _result(stopped: t.Sequence[Stopped]) -> Result:
    counts = [ended.busy for ended in stopped]
    known = [count for count in counts if count is not None]
    return {
        "changed": bool(stopped),
        "busy": sum(known) if len(known) == len(counts) else None,
        "processes": [
            {"pid": ended.target.pid, "busy": ended.busy, "left": ended.left, "gone": ended.gone} for ended in stopped
        ],
    }
