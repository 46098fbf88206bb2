# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Unit files, and what they say taken together (systemd.syntax(7), systemd.unit(5))."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...._sidekiq.regular_file import read_regular
from .environment import assignments
from .sidekiq_command import expand_specifiers
from .timespan import parse_timespan

_LARGEST: t.Final = 256 * 1024  # bytes
FOREVER: t.Final = float("inf")
DEFAULT_STOP: t.Final = 90.0
"""DefaultTimeoutStopSec= of systemd."""


@dataclass(frozen=True)
class Part:
    """One file of a unit: the unit itself or a drop-in."""

    path: str
    text: str

    @property
    def folder(self) -> str:
        """The name of the folder, such as `mastodon-sidekiq.service.d`."""
        return self.path.split("/")[-2]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Unit:
    """A unit by its name with its file and drop-ins, in the order in which systemd reads them."""

    name: str
    parts: tuple[Part, ...]

    def settings(self, section: str = "Service") -> list[tuple[str, str]]:
        """Names and values of a section; what an empty value resets is gone."""
        found: list[tuple[str, str]] = []
        for part in self.parts:
            for where, key, value in _lines(part.text):
                if where != section:
                    continue
                if value:
                    found.append((key, value))
                else:
                    found = [entry for entry in found if entry[0] != key]
        return found

    def values(self, key: str, section: str = "Service") -> list[str]:
        return [value for name, value in self.settings(section) if name == key]

    def last(self, key: str) -> str | None:
        values = self.values(key)
        return values[-1] if values else None

    def environment(self) -> dict[str, str]:
        """The variables of Environment=; not those of files."""
        lines = (expand_specifiers(line, self.name) for line in self.values("Environment"))
        return {name: value for line in lines for name, value in assignments(line)}

    def environment_files(self) -> list[str]:
        """The files and patterns of EnvironmentFile=, which win over Environment=, a later one over an earlier one."""
        return [expand_specifiers(value, self.name).lstrip("-") for value in self.values("EnvironmentFile")]

    def stop_timeout(self) -> float:
        """Seconds after which systemd kills it when it is stopped; infinite is possible."""
        values = [value for key, value in self.settings() if key in ("TimeoutSec", "TimeoutStopSec")]
        # systemd ignores what it cannot read, and an earlier value counts.
        spans = [span for span in map(parse_timespan, values) if span is not None]
        return (spans[-1] or FOREVER) if spans else DEFAULT_STOP


def _lines(text: str) -> t.Iterator[tuple[str, str, str]]:
    section, held = "", ""
    for line in text.splitlines():
        if line.lstrip().startswith(("#", ";")):
            continue  # also between lines that belong together
        line = held + (" " if held else "") + line.strip()
        if line.endswith("\\"):
            held = line[:-1].rstrip()
            continue
        held = ""
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if equals:
            yield section, key.strip(), value.strip()


def read_unit_files(name: str, path: str, drop_ins: t.Sequence[str]) -> Unit | None:
    """The unit as its files say; None where its own file cannot be read. A drop-in that is gone says nothing."""
    parts = [Part(file, text) for file in (path, *drop_ins) if (text := _text(file)) is not None]
    return Unit(name, tuple(parts)) if parts and parts[0].path == path else None


def _text(path: str) -> str | None:
    try:
        return read_regular(path, _LARGEST).decode(errors="replace").strip("\n") + "\n"
    except OSError:
        return None
