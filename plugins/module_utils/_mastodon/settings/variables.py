# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""The variables that Mastodon sees, the strongest source first, each with the place it comes from.

Order: the task's environment, the unit, then the files as dotenv-rails loads them in production, which never overrides
what is set already (lib/dotenv/rails.rb).
"""

from __future__ import annotations

import os
import pwd
import typing as t
from dataclasses import dataclass, field

from ..._sidekiq.errors import BadOption
from ..._sidekiq.regular_file import read_regular
from . import dotenv

_LARGEST: t.Final = 1024 * 1024  # bytes
FILES: t.Final = (".env.production.local", ".env.local", ".env.production", ".env")


@dataclass(frozen=True)
class Variables:
    """Variables by name; `sources` says where each was set, `commands` where one is set to a shell command."""

    values: t.Mapping[str, str] = field(repr=False)
    sources: t.Mapping[str, str] = field(default_factory=dict)
    commands: t.Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """The value, or None when the variable is not set. Raises BadOption where a shell would have to be asked."""
        if name in self.commands:
            raise BadOption(
                f"{name} in {self.commands[name]} holds a $(command), which is never run here."
                f" Write the value itself, or set redis_url."
            )
        return self.values.get(name)

    def filled(self, name: str) -> str:
        """The value without blanks around it, empty when the variable is not set."""
        return (self.get(name) or "").strip()

    def __contains__(self, name: str) -> bool:
        return name in self.values or name in self.commands

    def where(self, name: str) -> str:
        """The variable and its place, for a message."""
        source = self.sources.get(name) or self.commands.get(name)
        return f"{name} in {source}" if source else name


def collect(
    mastodon_root: str, environment: t.Mapping[str, str], unit: str, unit_environment: t.Mapping[str, str]
) -> Variables:
    """Read the files below `mastodon_root` after the environment. Raises BadOption for one that may not be read."""
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    commands: dict[str, str] = {}
    files: list[str] = []

    def add(source: str, settings: t.Mapping[str, str], made_by_commands: t.Collection[str] = ()) -> None:
        taken = values.keys() | commands.keys()
        for name in settings.keys() - taken:
            values[name], sources[name] = settings[name], source
        commands.update((name, source) for name in set(made_by_commands) - taken)

    add("the environment of the task", environment)
    add(unit, unit_environment)
    for name in FILES:
        path = os.path.join(mastodon_root, name)
        text = _read(path)
        if text is not None:
            files.append(name)
            parsed = dotenv.parse(text, values, commands)
            add(path, parsed.values, parsed.commands)
    return Variables(values, sources, commands, tuple(files))


def _read(path: str) -> str | None:
    """The text of a file, which may be that of another user."""
    try:
        return read_regular(path, _LARGEST).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise BadOption(_not_permitted(path)) from None
    except OSError as error:
        raise BadOption(f"mastodon_root: {path} cannot be read: {error.strerror}. Set redis_url instead.") from None


def _not_permitted(path: str) -> str:
    owner, owned = _owner(path)
    user = "" if owner == "root" else f" with become_user: {owner} or root"
    return (
        f"mastodon_root: {path} may not be read by the user with the id {os.geteuid()}."
        f" {'It' if owned == path else owned} belongs to {owner}: use become: true{user},"
        " or set redis_url."
    )


def _owner(path: str) -> tuple[str, str]:
    """Who owns the file, or the nearest folder above it that can be seen."""
    while True:
        try:
            uid = os.stat(path).st_uid
            break
        except PermissionError:
            path = os.path.dirname(path)
    try:
        return pwd.getpwuid(uid).pw_name, path
    except KeyError:
        return f"the user with the id {uid}", path
