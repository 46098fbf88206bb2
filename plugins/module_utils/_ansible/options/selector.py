# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The options that say which jobs are meant, and what they become.

The documentation fragment `fediverse.mastodon.selector` describes the same options in the same order.
"""

from __future__ import annotations

import typing as t

from ..._mastodon.jobs.names import KINDS, parse_names
from ..._mastodon.jobs.selector import Criteria
from ..._sidekiq.duration import seconds
from ..._sidekiq.errors import BadOption

Options = t.Mapping[str, t.Any]


def selector_argument_spec() -> dict[str, dict[str, t.Any]]:
    """The selector's options for the argument spec of a module."""
    names: dict[str, t.Any] = {"type": "list", "elements": "str"}
    return {
        "sets": {**names, "choices": ["queues", "retry", "scheduled", "dead"]},
        "queues": names,
        "classes": names,
        "jids": names,
        "args": {"type": "list", "elements": "raw"},
        "domains": names,
        "errors": names,
        "error_message": {"type": "str"},
        "older_than": {"type": "str"},
        "newer_than": {"type": "str"},
        "min_attempts": {"type": "int"},
        "tags": names,
        "malformed": {"type": "bool"},
        "where": {"type": "str"},
        "all": {"type": "bool", "default": False},
    }


def criteria_from_options(options: Options) -> Criteria:
    """Raises BadOption for a name that cannot be one by its form, and for a span of time that cannot be read."""
    lists = ("sets", "queues", "classes", "jids", "args", "domains", "errors", "tags")
    given = {name: tuple(options.get(name) or ()) for name in lists}
    warnings: list[str] = []
    for name in lists:
        if name in KINDS:
            names, more = parse_names(name, name, given[name])
            given[name] = tuple(names)
            warnings += more
    if options.get("error_message") == "":
        raise BadOption("error_message is empty, which stands in every message. Leave it out, or say what it is.")
    return Criteria(
        **given,
        error_message=options.get("error_message"),
        older_than=_span(options, "older_than"),
        newer_than=_span(options, "newer_than"),
        min_attempts=options.get("min_attempts"),
        malformed=options.get("malformed"),
        where=options.get("where"),
        all=bool(options.get("all")),
        nothing=any(options.get(name) == [] for name in lists),
        warnings=tuple(warnings),
    )


def _span(options: Options, name: str) -> float | None:
    written = options.get(name)
    return None if written is None else seconds(written, name)
