# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What the module does that reads systemd's journal."""

from __future__ import annotations

import shutil
import typing as t

from ..._mastodon.host import journal
from ..._sidekiq.errors import at_least
from ..ending import Result
from ..run_host import Host

OPTIONS: t.Final = {
    "kills": {"type": "bool", "default": True},
    "kills_since": {"type": "str", "default": "-24h"},
    "mentions": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "str", "default": ["mastodon-sidekiq*.service"]},
    "since": {"type": "str", "default": "-2h"},
    "lines": {"type": "int", "default": 5},
}


def journal_info(host: Host) -> Result:
    """Processes of Sidekiq that were killed, and the lines of units in which a text occurs."""
    options = host.options
    at_least(1, "lines", options["lines"])
    available = shutil.which("journalctl") is not None

    def read(command: list[str]) -> list[str]:
        _code, shown, _errors = host.run(command)
        return journal.shown(shown, options["lines"]) if shown.strip() else []

    mentions = options["mentions"] if available and options["units"] else []  # without units: the log of everything
    return {
        "changed": False,
        "available": available,
        "kills": read(journal.kills(options["kills_since"], options["lines"]))
        if available and options["kills"]
        else [],
        "mentions": {
            text: read(journal.naming(text, options["units"], options["since"], options["lines"])) for text in mentions
        },
    }
