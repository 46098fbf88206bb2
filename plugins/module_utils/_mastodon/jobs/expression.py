# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""JMESPath expressions over a job."""

from __future__ import annotations

import sys
import typing as t

from ..._sidekiq.errors import BadOption
from ..._sidekiq.text import printable


class Expression:
    """A compiled expression. `names`: the fields of a job that it looks at."""

    def __init__(self, expression: str, option: str, known: t.Collection[str]) -> None:
        try:
            import jmespath
            from jmespath.exceptions import ArityError, JMESPathError, UnknownFunctionError
        except ImportError as problem:
            raise BadOption(
                f"{option} needs the Python library jmespath, which {sys.executable} cannot import ({problem})."
                " Install python3-jmespath (Debian, Ubuntu, Fedora) or jmespath (PyPI) where the task runs."
            ) from None
        try:
            self._compiled = jmespath.compile(expression)
        except (JMESPathError, RecursionError) as problem:
            # JMESPath draws an arrow below the expression. The text before the arrow names the column, too.
            what = printable(str(problem).rstrip("\n ^"))
            raise BadOption(f"{option} is no JMESPath expression: {what}") from None
        self._option = option
        self._mistakes = (ArityError, UnknownFunctionError)  # which it finds only when it comes to the call
        self._failures = (JMESPathError, RecursionError, TypeError, ValueError, ArithmeticError)
        named = set(_roots(self._compiled.parsed))
        self.names: t.Collection[str] = known if _WHOLE in named else named
        unknown = sorted(named - {_WHOLE, "null"} - set(known))  # a field that is not there is null
        if unknown and unknown[0] in ("true", "false"):
            raise BadOption(f"{option}: write `{unknown[0]}` in backquotes; without them it is the name of a field.")
        if unknown:
            raise BadOption(f"{option}: a job has no field {unknown[0]}; it has {', '.join(known)}.")
        self._simple = "args" not in self.names  # of any type, and to Python 1 and true are the same
        self._known: dict[tuple[t.Any, ...], bool] = {}
        self.holds({})  # most mistakes show without a job

    def holds(self, job: t.Mapping[str, t.Any]) -> bool:
        """Whether it is true of a job, by JMESPath's own idea of false: null, false, or empty.

        It depends on the fields of `names` alone, and many jobs share their values.
        """
        if not self._simple:
            return self._holds(job)
        values = tuple(job.values())
        try:
            known = self._known.get(values)
        except TypeError:  # lists
            return self._holds(job)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[values] = self._holds(job)
        return known

    def _holds(self, job: t.Mapping[str, t.Any]) -> bool:
        try:
            found = self._compiled.search(job)
        except self._mistakes as problem:
            raise BadOption(f"{self._option} is no JMESPath expression: {problem}") from None
        except self._failures:
            return False  # a function was given a value of a type it does not take: this job is not meant
        return found is not None and found is not False and found not in ("", [], {})


_WHOLE = "@"
_REMEMBERED: t.Final = 4096
_FIRST_ONLY: t.Final = frozenset(
    {
        "subexpression",
        "index_expression",
        "projection",
        "value_projection",
        "filter_projection",
        "flatten",
        "pipe",
        "slice",
    }
)


def _roots(node: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """The names that an expression looks up in the job itself; @ where it takes all of it."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield node["value"]
    elif kind in ("current", "identity"):
        yield _WHOLE
    elif kind != "expref":  # what it says is about the elements of something else
        for child in children[:1] if kind in _FIRST_ONLY else children:
            yield from _roots(child)
