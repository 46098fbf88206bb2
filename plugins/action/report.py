# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a text on the terminal of the controller, without what a terminal would obey."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._sidekiq.text import printable_lines


class ActionModule(ActionBase):
    """See the module of the same name, which documents it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec({"text": {"type": "str", "required": True}})  # type: ignore[no-untyped-call]
        Display().display("\n" + printable_lines(options["text"]) + "\n")
        result["changed"] = False
        return result
