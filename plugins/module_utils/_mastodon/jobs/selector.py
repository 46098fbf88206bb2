# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The one way to say which jobs are meant."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..._sidekiq.errors import BadOption
from ..._sidekiq.globs import domain_matcher, glob_matcher
from ..._sidekiq.keys import SETS, Keys
from ..._sidekiq.state.age import since
from ..._sidekiq.state.job import Job, parse
from ..._sidekiq.traversal.location import Place, queue_places
from ..._sidekiq.traversal.prefilter import Needles
from . import aliases
from .expression import Expression
from .fields import FIELDS
from .regex import searcher
from .worker_classes import no_such_queue, remote_domain, unknown_queues

Test = t.Callable[[Job, Place, t.Any, int], bool]
"""A job, its place, its score (None in a queue) and its position."""

_SERVER = re.compile(r"[A-Za-z0-9.:-]+")
_AS_IT_IS = re.compile(r'[^"\\/\x00-\x1f\ud800-\udfff]+')  # but for \u, JSON has no other way to write these


@dataclass(frozen=True)
class Criteria:
    """What a task asks for; conditions are joined by and, lists by or. Ages in seconds.

    `nothing`: one of the lists was given without an entry, and none of none holds. `warnings`: how names were understood.
    """

    sets: t.Sequence[str] = ()
    queues: t.Sequence[str] = ()
    classes: t.Sequence[str] = ()
    jids: t.Sequence[str] = ()
    args: t.Sequence[t.Any] = ()
    domains: t.Sequence[str] = ()
    errors: t.Sequence[str] = ()
    error_message: str | None = None
    older_than: float | None = None
    newer_than: float | None = None
    min_attempts: int | None = None
    tags: t.Sequence[str] = ()
    malformed: bool | None = None
    where: str | None = None
    all: bool = False
    nothing: bool = False
    warnings: t.Sequence[str] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for, so that every job there is would be meant."""
        return not (self.sets or self.queues or self.args or self.selects)

    @property
    def selects(self) -> bool:
        """Whether something is said about the jobs themselves: `sets` and `queues` only say where to look.

        What every job fulfils (`min_attempts: 0`, `malformed: false`, arguments that may be anything) is no condition.
        """
        lists = (self.classes, self.jids, self.domains, self.errors, self.tags)
        values = (self.older_than, self.newer_than, self.min_attempts, self.malformed, self.all, self.nothing)
        texts = (self.error_message, self.where)
        return (
            any(lists)
            or any(values)
            or any(text is not None for text in texts)
            or any(argument is not None for argument in self.args)
        )

    def check_selects(self) -> None:
        """Raises BadOption unless something says which jobs are meant, as an edit needs it."""
        if not self.selects:
            given = [name for name in ("sets", "queues") if getattr(self, name)]
            where = f"{' and '.join(given)} only {'says' if len(given) == 1 else 'say'} where to look"
            raise BadOption(
                f"{where if given else 'No condition is given'}, so this would edit every job there."
                " Add a condition (classes, jids, args, domains, errors, ...), or all: true if every job is meant."
            )


class Selector:
    """Criteria, ready to be applied to members at one moment (`now`, epoch seconds)."""

    def __init__(self, criteria: Criteria, now: float) -> None:
        if criteria.empty:
            raise BadOption(
                "No condition is given, so this would mean every job there is. Give one (sets, queues, classes, jids, args,"
                " domains, errors, ...), or say all: true."
            )
        classes, warnings = aliases.translate(criteria.classes, aliases.CLASSES, "worker class")
        self.warnings = [*criteria.warnings, *warnings]
        self._criteria = criteria
        self._now = now
        self.needles = _needles(classes, criteria)
        self._tests = list(_tests(criteria, classes, now))

    def places(self, client: t.Any, key: Keys) -> list[Place]:
        """Where to look, queues first. Queues that are named need not be registered."""
        if self._criteria.nothing:
            return []
        wanted = self._criteria.sets or ("queues", *SETS)
        places: list[Place] = []
        if "queues" in wanted or self._criteria.queues:
            places = queue_places(client, key)
        if self._criteria.queues:
            known = {place.label for place in places}
            names, warnings = aliases.translate(self._criteria.queues, aliases.QUEUES, "queue", known)
            self._queues = frozenset(names)
            places = [Place("queues", name.encode()) for name in sorted(self._queues)]
            warnings += [
                no_such_queue("queues", name)
                for name in unknown_queues(sorted(names), known)
                if not Place("queues", name.encode()).size(client, key)
            ]
            self.warnings += [warning for warning in warnings if warning not in self.warnings]
        if "queues" not in wanted:
            places = []
        return places + [Place(name) for name in SETS if name in wanted]

    _queues: frozenset[str] = frozenset()

    def covers(self, place: Place) -> bool:
        """Whether to look there at all; `places` must have been called before."""
        if self._criteria.sets and place.set not in self._criteria.sets:
            return False
        return not place.is_queue or not self._queues or place.label in self._queues

    def match(self, raw: bytes, place: Place, score: float | None, position: int) -> Job | None:
        """The job in these bytes if it is meant, else None. `position`: how many run before it."""
        job = parse(raw)
        if self._queues and not place.is_queue and job.queue not in self._queues:
            return None
        for test in self._tests:
            if not test(job, place, score, position):
                return None
        return job


def _needles(classes: t.Sequence[str], criteria: Criteria) -> Needles:
    """Of the conditions that say which text stands in the job, the one that rules out most."""
    texts = (criteria.jids, [*map(_longest, classes)], [*map(_longest, criteria.errors)])
    for literals in texts:
        if literals and all(map(_AS_IT_IS.fullmatch, literals)):
            return Needles([literal.encode() for literal in literals])
    # a server's name may stand in an activity, a text of JSON inside the job, and is the same in any case
    names = [domain[1:] if domain.startswith("*.") else domain for domain in criteria.domains]
    # and one with xn-- may stand there in letters, which have more than one case and more than one way to be written
    if names and all(_SERVER.fullmatch(name) and "xn--" not in name for name in names):
        return Needles([name.encode() for name in names], folded=True, nested=True)
    return Needles()


def _longest(pattern: str) -> str:
    """The longest text that stands in every name which a pattern matches; empty if it is too short to rule much out."""
    literal = "" if "[" in pattern else max(re.split(r"[*?#]", pattern), key=len)
    return literal if len(literal) > 3 else ""


def _tests(criteria: Criteria, classes: t.Sequence[str], now: float) -> t.Iterator[Test]:
    """The conditions, cheapest first."""
    if criteria.nothing:
        yield lambda _job, _place, _score, _position: False
    if criteria.malformed is not None:
        wanted = criteria.malformed
        yield lambda job, _place, _score, _position: (job.malformed is not None) == wanted
    if criteria.jids:
        jids = frozenset(criteria.jids)
        yield lambda job, _place, _score, _position: job.jid in jids
    if classes:
        named = glob_matcher(classes)
        yield lambda job, _place, _score, _position: job.display_class is not None and named(job.display_class)
    if criteria.min_attempts is not None:
        least = criteria.min_attempts
        yield lambda job, _place, _score, _position: job.attempts >= least
    if criteria.tags:
        tags = frozenset(criteria.tags)
        yield lambda job, _place, _score, _position: not tags.isdisjoint(job.tags)
    if criteria.errors:
        failed = glob_matcher(criteria.errors)
        yield lambda job, _place, _score, _position: job.error_class is not None and failed(job.error_class)
    if criteria.older_than is not None or criteria.newer_than is not None:
        yield _aged(criteria.older_than, criteria.newer_than, now)
    if criteria.args:
        yield _leading(criteria.args)
    if criteria.domains:
        of_domains = domain_matcher(criteria.domains)
        yield lambda job, _place, _score, _position: of_domains(remote_domain(job))
    if criteria.error_message is not None:
        says = searcher(criteria.error_message, "error_message")
        yield lambda job, _place, _score, _position: job.error_message is not None and says(job.error_message)
    if criteria.where is not None:
        expression = Expression(criteria.where, "where", tuple(FIELDS))
        looked_at = [(name, read) for name, read in FIELDS.items() if name in expression.names]
        yield lambda job, place, score, position: expression.holds(
            {name: read(job, place, score, position) for name, read in looked_at}
        )


def _aged(older: float | None, newer: float | None, now: float) -> Test:
    def test(job: Job, place: Place, score: float | None, _position: int) -> bool:
        moment = since(job, place.set, score)
        if moment is None:
            return False
        age = now - moment
        return (older is None or age > older) and (newer is None or age < newer)

    return test


def _leading(wanted: t.Sequence[t.Any]) -> Test:
    def test(job: Job, _place: Place, _score: float | None, _position: int) -> bool:
        arguments = job.display_args
        if not isinstance(arguments, list) or len(arguments) < len(wanted):
            return False
        return all(value is None or _same(value, argument) for value, argument in zip(wanted, arguments))

    return test


def _same(wanted: t.Any, argument: t.Any) -> bool:
    """Equal, or a number written as text: a task on the command line has only text."""
    if wanted == argument:
        return isinstance(wanted, bool) == isinstance(argument, bool)
    return isinstance(wanted, str) and not isinstance(argument, (bool, str)) and wanted == str(argument)
