# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""JMESPath expressions over a job."""

from __future__ import annotations

import sys
import typing as t

from .._sidekiq.errors import BadOption


def truth(expression: str, option: str) -> t.Callable[[t.Mapping[str, t.Any]], bool]:
    """A function that tells whether an expression is true of a job, by JMESPath's own idea of false (null, false, empty)."""
    try:
        import jmespath
        from jmespath.exceptions import JMESPathError
    except ImportError as problem:
        raise BadOption(
            f"{option} needs the Python library jmespath, which {sys.executable} cannot import ({problem})."
            " Install python3-jmespath (Debian, Ubuntu, Fedora) or jmespath (PyPI) where the task runs."
        ) from None
    try:
        compiled = jmespath.compile(expression)
    except (JMESPathError, RecursionError) as problem:
        raise BadOption(f"{option} is no JMESPath expression: {problem}") from None

    def holds(job: t.Mapping[str, t.Any]) -> bool:
        try:
            found = compiled.search(job)
        except (JMESPathError, RecursionError, TypeError, ValueError, ArithmeticError):
            return False  # a function was given a value of a type it does not take: this job is not meant
        return found is not None and found is not False and found not in ("", [], {})

    return holds
