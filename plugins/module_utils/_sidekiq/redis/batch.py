# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Many questions to Redis in one round trip.

A reader is a generator: it asks, yields once where it needs the answers, asks again if it must, and returns a value.
`together` runs any number of readers side by side, so that all of them need no more round trips than the longest.
"""

from __future__ import annotations

import typing as t
from collections.abc import Generator

T = t.TypeVar("T")
Reader = Generator[None, None, T]


class Answer:
    """What Redis says to one command, there after the next round trip."""

    __slots__ = ("_reply",)

    def __init__(self) -> None:
        self._reply: t.Any = None

    def receive(self, reply: t.Any) -> None:
        self._reply = reply

    @property
    def of_another_type(self) -> bool:
        """Whether the key is of another type than the command needs."""
        return isinstance(self._reply, Exception) and str(self._reply).startswith("WRONGTYPE")

    def get(self, default: t.Any = None, tolerant: bool = False) -> t.Any:
        """The reply, or `default` where there is none.

        A key of another type than Sidekiq's is not Sidekiq's and counts as absent. Any other refusal raises
        the error of redis-py, unless `tolerant`: then it counts as absent too.
        """
        if isinstance(self._reply, Exception):
            if tolerant or self.of_another_type:
                return default
            raise self._reply
        return default if self._reply is None else self._reply


class Batch:
    """Collects commands and sends them as one pipeline, without a transaction."""

    def __init__(self, client: t.Any) -> None:
        self._client = client
        self._open: list[tuple[Answer, str, tuple[t.Any, ...], dict[str, t.Any]]] = []
        self.round_trips = 0
        self.wrong_types: set[bytes] = set()
        """Keys that were asked for and are of another type."""

    def ask(self, method: str, *args: t.Any, **options: t.Any) -> Answer:
        """Ask by the name of a redis-py method, for example `ask("llen", key)`."""
        answer = Answer()
        self._open.append((answer, method, args, options))
        return answer

    def send(self) -> None:
        """One round trip for all that was asked since the last one; none if nothing was."""
        if not self._open:
            return
        asked, self._open = self._open, []
        with self._client.pipeline(transaction=False) as pipe:
            for _answer, method, args, options in asked:
                getattr(pipe, method)(*args, **options)
            replies = pipe.execute(raise_on_error=False)
        self.round_trips += 1
        for (answer, _method, args, _options), reply in zip(asked, replies):
            answer.receive(reply)
            if answer.of_another_type:
                self.wrong_types.add(args[0])


def together(batch: Batch, readers: t.Mapping[str, Reader[t.Any]]) -> dict[str, t.Any]:
    """Run readers in lock step; returns what each of them returned, under its name."""
    results: dict[str, t.Any] = {}
    waiting = dict(readers)
    while waiting:
        for name, reader in list(waiting.items()):
            try:
                next(reader)
            except StopIteration as end:
                results[name] = end.value
                del waiting[name]
        batch.send()
    return results


def run_reader(client: t.Any, reader: t.Callable[[Batch], Reader[T]]) -> T:
    """What a reader returns that runs alone."""
    batch = Batch(client)
    return t.cast("T", together(batch, {"": reader(batch)})[""])
