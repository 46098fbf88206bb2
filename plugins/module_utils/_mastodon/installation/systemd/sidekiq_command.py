# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The command of a unit that starts Sidekiq: what it says of threads, queues and time, and the same with other values.

`parse_command` reads the words as they are written, with their quotes and variables; `evaluate` as Sidekiq gets them.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ...._sidekiq.errors import BadOption
from .words import split, unquote

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
_SHELLS: t.Final = frozenset(("sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "su", "sudo", "runuser", "script"))
_VARIABLE = re.compile(r"\$\$|\$\{(\w+)\}")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_SPECIFIER = re.compile(r"%[A-Za-z]")
OURS: t.Final = "cqt"


@dataclass(frozen=True)
class Command:
    """`start`: the words up to `sidekiq`; `rest`: its options other than -c, -q and -t; both as written.

    `queues` as the command line has them (`default,8`); none means those of config/sidekiq.yml. `config` and `require`
    are the values of -C and -r.
    """

    start: tuple[str, ...]
    rest: tuple[str, ...]
    concurrency: str | None = None
    timeout: str | None = None
    queues: tuple[str, ...] = ()
    config: str | None = None
    require: str | None = None

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


@dataclass(frozen=True)
class Options:
    """What Sidekiq gets: numbers, queues with their weight (None: none is given), `-C` and `-r`.

    `variables`: what `env` sets before Sidekiq starts, which wins over everything that the unit says.
    """

    concurrency: int | None = None
    timeout: int | None = None
    queues: tuple[tuple[str, int | None], ...] = ()
    config: str | None = None
    require: str | None = None
    variables: t.Mapping[str, str] | None = None


def parse_command(line: str) -> Command:
    """Raises BadOption where Sidekiq is not a word of its own, as in a shell's `-c '...'`, which cannot be edited safely."""
    return _parse(split(line), line, unquote)


def evaluate(line: str, environment: t.Mapping[str, str]) -> Options:
    """The options with the variables of the unit in their places. Raises BadOption where they cannot be known."""
    words = expand_variables(line, environment)
    command = _parse(words, line, str)
    for value in (command.concurrency, command.timeout, *command.queues, command.config, command.require):
        if value is not None and _SPECIFIER.search(value):
            raise BadOption(f"ExecStart={line} has the specifier {value}, which only systemd can replace.")
    return Options(
        _number("-c", command.concurrency),
        _number("-t", command.timeout),
        tuple(_queue(queue) for queue in command.queues),
        command.config,
        command.require,
        env_variables(command.start),
    )


def expand_variables(line: str, environment: t.Mapping[str, str]) -> list[str]:
    """The words with `${NAME}` replaced, and `$NAME` where it is a word of its own (systemd.service(5), Command lines)."""
    words: list[str] = []
    raw = split(line)
    as_written = bool(raw) and ":" in unquote(raw[0])[: -len(unquote(raw[0]).lstrip(_PREFIX)) or None]
    for word in map(unquote, raw):
        if as_written:
            words.append(word)
        elif re.fullmatch(r"\$[A-Za-z_]\w*", word):
            words += environment.get(word[1:], "").split()
        else:
            words.append(_VARIABLE.sub(lambda found: "$" if found[1] is None else environment.get(found[1], ""), word))
    return words


def env_variables(start: t.Sequence[str]) -> dict[str, str]:
    """What `env NAME=VALUE` before the command sets; nothing where the command is no `env`."""
    if not start or _program(start[0], 0) != "env":
        return {}
    found: dict[str, str] = {}
    for word in map(unquote, start[1:]):
        assigned = _ASSIGNMENT.fullmatch(word)
        if assigned is None:
            if word.startswith("-"):
                raise BadOption(f"ExecStart= starts env with {word}, so the environment of Sidekiq is not known.")
            break
        found[assigned[1]] = assigned[2]
    return found


def with_variables(command: Command, variables: t.Mapping[str, str]) -> Command:
    """The command started by `env`, which wins over Environment= and EnvironmentFile=. Raises BadOption where it cannot."""
    if not variables:
        return command
    first = unquote(command.start[0])
    prefix = first[: len(first) - len(first.lstrip(_PREFIX))]
    if "@" in prefix:
        raise BadOption(
            f"ExecStart={command.start[0]} begins with @, so {' and '.join(variables)} cannot be set in front of it."
            " Remove the @ from the unit."
        )
    words = [_quoted(f"{name}={value}") for name, value in variables.items()]
    if _program(command.start[0], 0) != "env":
        start = [f"{prefix}/usr/bin/env", *words, command.start[0][len(prefix) :], *command.start[1:]]
        return replace(command, start=tuple(start))
    place = next(
        index for index, word in enumerate(command.start) if index and not _ASSIGNMENT.fullmatch(unquote(word))
    )
    return replace(command, start=(*command.start[:place], *words, *command.start[place:]))


def _quoted(word: str) -> str:
    """A word of ExecStart= that is neither split nor expanded."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$").replace("%", "%%")
    return f'"{escaped}"' if re.search(r"[^\w=./:,@+-]", word) else escaped


def expand_specifiers(text: str, unit: str) -> str:
    """The specifiers that come from the name of a unit (systemd.unit(5)); others stay as they are."""
    name = unit.rpartition(".")[0]
    prefix, _at, instance = name.partition("@")
    values = {
        "%%": "%",
        "%n": unit,
        "%N": name,
        "%p": prefix,
        "%P": unescape(prefix),
        "%i": instance,
        "%I": unescape(instance),
        "%j": prefix.rpartition("-")[2],
        "%J": unescape(prefix.rpartition("-")[2]),
    }
    return re.sub(r"%[%nNpPiIjJ]", lambda found: values[found[0]], text)


def unescape(name: str) -> str:
    """The reverse of systemd-escape(1)."""
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), name.replace("-", "/"))


def _parse(words: t.Sequence[str], line: str, plain: t.Callable[[str], str]) -> Command:
    place = next((index for index, word in enumerate(words) if _program(word, index) == "sidekiq"), None)
    before = () if place is None else words[:place]
    if place is None or ";" in words or any(_program(word, index) in _SHELLS for index, word in enumerate(before)):
        raise BadOption(
            f"ExecStart={line} does not run sidekiq by itself but through a shell or a script, where its options cannot be"
            " changed safely. Write it as Mastodon does: ExecStart=/home/mastodon/.rbenv/shims/bundle exec sidekiq -c 25."
        )
    found: dict[str, list[str]] = {letter: [] for letter in _WITH_VALUE}
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
        found[letter].append(plain(value))
        if letter not in OURS:
            rest += written
    last = {letter: values[-1] if values else None for letter, values in found.items()}
    return Command(
        tuple(words[: place + 1]), tuple(rest), last["c"], last["t"], tuple(found["q"]), last["C"], last["r"]
    )


def _number(flag: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise BadOption(f"{flag} has the value {value!r}, which is no number, so Sidekiq does not start.")
    return int(value)


def _queue(value: str) -> tuple[str, int | None]:
    name, _comma, weight = value.partition(",")
    return name, _number("-q", weight or None)


def _program(word: str, index: int) -> str:
    plain = unquote(word)
    return (plain.lstrip(_PREFIX) if index == 0 else plain).rpartition("/")[2]


def _option(word: str) -> tuple[str | None, str | None]:
    """The letter of an option that takes a value, and the value if it is in the same word."""
    name, equals, value = word.partition("=")
    if name in _LONG:
        return _LONG[name], value if equals else None
    if re.match(rf"-[{_WITH_VALUE}]", word):
        return word[1], word[2:] or None
    return None, None
