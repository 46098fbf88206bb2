# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The command of a unit that starts Sidekiq: what it says of threads, queues and time, and the same with other values.

Words that are not replaced stay as they are written, with their quotes and variables.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ...._sidekiq.errors import BadOption

_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^\s"'\\])+""", re.DOTALL)
_PREFIX = "-@:+!|"  # systemd.service(5), before the path of a command
_LONG: t.Final[t.Mapping[str, str]] = {
    "--concurrency": "c",
    "--environment": "e",
    "--tag": "g",
    "--queue": "q",
    "--require": "r",
    "--timeout": "t",
    "--config": "C",
}
_WITH_VALUE: t.Final = "cegqrtC"
OURS: t.Final = "cqt"


@dataclass(frozen=True)
class Command:
    """`start`: the words up to `sidekiq`; `rest`: its options other than -c, -q and -t; both as written.

    `queues` as the command line has them (`default,8`); none means those of config/sidekiq.yml.
    """

    start: tuple[str, ...]
    rest: tuple[str, ...]
    concurrency: str | None = None
    timeout: str | None = None
    queues: tuple[str, ...] = ()

    def text(self) -> str:
        """The command as a line of a unit."""
        words = [*self.start, *self.rest]
        if self.concurrency is not None:
            words += ["-c", self.concurrency]
        if self.timeout is not None:
            words += ["-t", self.timeout]
        for queue in self.queues:
            words += ["-q", queue]
        return " ".join(words)


def parse_command(line: str) -> Command:
    """Raises BadOption where Sidekiq is not a word of its own, as in a shell's `-c '...'`, which cannot be edited safely."""
    words = _WORD.findall(line)
    place = next((index for index, word in enumerate(words) if _program(word, index) == "sidekiq"), None)
    if place is None or ";" in words:
        raise BadOption(
            f"ExecStart={line} does not run sidekiq by itself but through a shell or a script, where its options cannot be"
            " changed safely. Write it as Mastodon does: ExecStart=/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 25."
        )
    found: dict[str, list[str]] = {letter: [] for letter in OURS}
    rest: list[str] = []
    waiting = iter(words[place + 1 :])
    for word in waiting:
        letter, value = _option(word)
        if letter is None:
            rest.append(word)
            continue
        written = [word]
        if value is None:
            value = next(waiting, "")
            written.append(value)
        if letter in OURS:
            found[letter].append(_unquoted(value))
        else:
            rest += written
    return Command(
        tuple(words[: place + 1]),
        tuple(rest),
        found["c"][-1] if found["c"] else None,
        found["t"][-1] if found["t"] else None,
        tuple(found["q"]),
    )


def _program(word: str, index: int) -> str:
    plain = _unquoted(word)
    return (plain.lstrip(_PREFIX) if index == 0 else plain).rpartition("/")[2]


def _option(word: str) -> tuple[str | None, str | None]:
    """The letter of an option that takes a value, and the value if it is in the same word."""
    name, equals, value = word.partition("=")
    if name in _LONG:
        return _LONG[name], value if equals else None
    if re.match(rf"-[{_WITH_VALUE}]", word):
        return word[1], word[2:] or None
    return None, None


def _unquoted(word: str) -> str:
    return re.sub(r"""["'\\]""", "", word)
