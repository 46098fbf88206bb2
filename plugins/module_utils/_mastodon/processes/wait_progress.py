# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""How far a wait has come: rates, estimates, and a line that says so."""

from __future__ import annotations

import typing as t
from collections import deque

from ..._sidekiq.humanize import duration
from ..._sidekiq.state.heartbeats import Beats, Certainty
from ..._sidekiq.text import printable

_LOOKS = 13  # over which a rate is taken: a minute at the usual interval
_BAR = 20

Shown = t.Mapping[str, t.Any]
"""A condition as the module returns it."""


class Progress:
    """Collects looks at conditions. Times in seconds, by any clock."""

    def __init__(self) -> None:
        self._looks: dict[str, deque[tuple[float, float]]] = {}
        self._most: dict[str, float] = {}
        self._last: t.Sequence[Shown] = ()

    def add(self, at: float, conditions: t.Sequence[Shown]) -> None:
        self._last = conditions
        for condition in conditions:
            if condition["left"] is not None:
                name = condition["name"]
                self._looks.setdefault(name, deque(maxlen=_LOOKS)).append((at, condition["left"]))
                self._most[name] = max(self._most.get(name, 0.0), condition["left"])

    def rate(self, name: str) -> float | None:
        """How much is done in a second; below 0 if it becomes more. None while nobody knows."""
        looks = self._looks.get(name) or deque()
        if len(looks) < 2 or looks[-1][0] <= looks[0][0]:
            return None
        return (looks[0][1] - looks[-1][1]) / (looks[-1][0] - looks[0][0])

    def estimate(self) -> float | None:
        """Seconds until the slowest is met. None while nobody knows."""
        longest = 0.0
        for condition in self._last:
            if condition["met"]:
                continue
            rate = self.rate(condition["name"])
            if condition["left"] is None or not rate or rate <= 0:
                return None
            longest = max(longest, condition["left"] / rate)
        return longest

    def share(self) -> float:
        """How much is done, from 0 to 1: of the condition that has the most to go."""
        shares = [1.0]
        for condition in self._last:
            most = self._most.get(condition["name"], 0.0)
            if not condition["met"]:
                shares.append(1 - condition["left"] / most if condition["left"] is not None and most else 0.0)
        return min(shares)

    def line(self, elapsed: float) -> str:
        """What is still waited for, as one line that can be printed: names of queues are written by anybody."""
        texts = [self._text(condition) for condition in self._last if not condition["met"]]
        if not texts:
            return f"all is as it should be, after {duration(elapsed)}"
        estimate = self.estimate()
        ahead = "" if estimate is None else f"; about {duration(estimate)} to go"
        return printable(f"{'; '.join(texts)}; {duration(elapsed)} waited{ahead}")

    def drawn(self, elapsed: float, width: int) -> str:
        """The line with a bar before it, cut to a width."""
        done = int(self.share() * _BAR)
        text = f"[{'#' * done}{'.' * (_BAR - done)}] {self.line(elapsed)}"
        return text[:width]

    def _text(self, condition: Shown) -> str:
        if condition["left"] == 0:
            return (
                f"{condition['name']}: {condition['observed']}, which is certain when each process has beaten once more"
            )
        rate = self.rate(condition["name"])
        moving = "" if not rate else f", {abs(rate):.3g}/s {'done' if rate > 0 else 'more'}"
        return f"{condition['name']}: {condition['observed']}, wanted {condition['wanted']}{moving}"


def too_late(progress: Progress, elapsed: float) -> str:
    """The error of a wait whose time is up."""
    return f"Not all conditions were met in time: {progress.line(elapsed)}. Look at sidekiq_health_info, or give it a longer timeout."


class Judge:
    """Tells which conditions hold for sure: what heartbeats say must hold until every process has beaten once more."""

    def __init__(self) -> None:
        self._certainty: dict[int, Certainty] = {}

    def judge(
        self, conditions: t.Sequence[Shown], heartbeats: Beats, began: float, ended: float
    ) -> list[dict[str, t.Any]]:
        """The conditions, with `met` only for those that are certain.

        `heartbeats` were read when the look at the conditions `began`; it `ended` later. Both by the same clock.
        """
        judged = []
        for number, condition in enumerate(conditions):
            met = condition["met"]
            if not met:
                self._certainty.pop(number, None)
            elif condition["by_heartbeat"] and number in self._certainty:
                met = not self._certainty[number].silent(began, heartbeats)
            elif condition["by_heartbeat"]:
                self._certainty[number] = Certainty(ended)
                met = not heartbeats
            judged.append({**condition, "met": met})
        return judged
