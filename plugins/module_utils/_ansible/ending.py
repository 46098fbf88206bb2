# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How a module ends. What Ansible prints as it is (messages, warnings, the diff) is made printable here.

Returned values stay what they are: a later task selects by them.
"""

from __future__ import annotations

import typing as t

from .._sidekiq.text import printable, printable_deep, printable_lines

Result = dict[str, t.Any]

_LONGEST: t.Final = 4000
"""Characters of a message; it may name what somebody else wrote."""


def fail(module: t.Any, message: str, known: Result) -> None:
    """End with a message of one line, and with what is known so far."""
    module.fail_json(msg=printable(message, _LONGEST), **known)


def succeed(module: t.Any, result: Result) -> None:
    """End with a result; its `warnings` become Ansible's."""
    for warning in result.pop("warnings", ()):
        warn(module, warning)
    if "diff" in result:
        result["diff"] = printable_deep(result["diff"], printable_lines)
    module.exit_json(**result)


def warn(module: t.Any, warning: str) -> None:
    module.warn(printable(warning, _LONGEST))
