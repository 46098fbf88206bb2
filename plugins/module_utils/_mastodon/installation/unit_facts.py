# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""What a Sidekiq unit runs with: its files, the environment that systemd gives, the config file that Sidekiq reads."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass, field, replace

from ..._sidekiq.errors import BadOption, SidekiqError
from ..._sidekiq.regular_file import read_regular
from ..settings.release import read_release
from ..settings.variables import collect
from ..sidekiq_yml.read import SidekiqYml, read_sidekiq_yml
from .effective import Effective, Said, effective
from .systemd import unit_file
from .systemd.environment import read_environment_files
from .systemd.sidekiq_command import Options, evaluate, expand_specifiers
from .systemd.units import Unit

MARK: t.Final = "# Written by the role fediverse.mastodon.workers."
"""The first line of each file that the role writes; files without it are not its own."""
DIGEST: t.Final = "FEDIVERSE_WORKERS_DIGEST"
"""The variable by which a running process tells which text of its unit it was started from."""
_LARGEST: t.Final = 1024 * 1024  # bytes
_IN_CONFIG: t.Final = ("sidekiq.yml", "sidekiq.yml.erb")
_REFERENCE = re.compile(r"\$\{?(\w+)")


@dataclass(frozen=True)
class Value:
    """A variable and who set it: the unit, or the path of a file of EnvironmentFile=."""

    value: str = field(repr=False)
    source: str


@dataclass(frozen=True)
class UnitFacts:
    """`files` is None where the unit file cannot be read. `config_path`: the file that Sidekiq reads, if there is one.

    `mentioned`: the variables that the command line refers to, and so shows to everybody anyway.
    """

    effective: Effective
    files: unit_file.Unit | None = None
    environment: t.Mapping[str, Value] = field(default_factory=dict, repr=False)
    config: SidekiqYml | None = None
    config_path: str | None = None
    mentioned: frozenset[str] = frozenset()

    @property
    def written_by_role(self) -> bool:
        return self.files is not None and self.files.parts[0].text.startswith(MARK)


def read_unit_facts(unit: Unit, root: str | None) -> UnitFacts:
    """`root`: the folder with Mastodon's code whose files and release count for this unit."""
    if unit.runs_container:
        return UnitFacts(effective(Said(None, why_not="It runs a container, whose settings the unit does not show.")))
    files = unit_file.read_unit_files(unit.name, unit.path, unit.drop_ins) if unit.path else None
    environment = _environment(unit, files)
    line, why_not = _command(unit, files)
    values = {name: value.value for name, value in environment.items()}
    said = replace(_said(line, values, root), why_not=why_not)
    path, config, why_no_config = _config(line, values, unit.directory)
    return UnitFacts(
        effective(replace(said, config=config, why_no_config=why_no_config)),
        files,
        environment,
        config,
        path,
        frozenset(_REFERENCE.findall(line or "")),
    )


def _said(line: str | None, environment: t.Mapping[str, str], root: str | None) -> Said:
    if root is None:
        return Said(line, environment, None, why_no_files="The folder with Mastodon's code is not known.")
    try:
        variables = collect(root, {}, "", {})
        variables.get("DB_POOL")
        return Said(line, environment, variables.values, release=read_release(root))
    except SidekiqError as failure:
        return Said(line, environment, None, release=read_release(root), why_no_files=str(failure))


def _environment(unit: Unit, files: unit_file.Unit | None) -> dict[str, Value]:
    if files is None:
        return {name: Value(value, unit.name) for name, value in unit.environment().items()}
    found = {name: Value(value, unit.name) for name, value in files.environment().items()}
    for pattern in files.environment_files():
        for path, values in read_environment_files(pattern):
            found.update({name: Value(value, path) for name, value in values.items()})
    return found


def _command(unit: Unit, files: unit_file.Unit | None) -> tuple[str | None, str]:
    """The line that starts Sidekiq, or why it is not known."""
    lines = [unit.command] if files is None else files.values("ExecStart")
    if len(lines) != 1 or not lines[0]:
        return (
            None,
            f"{unit.name} has {len([line for line in lines if line])} ExecStart= lines; one must start Sidekiq.",
        )
    return expand_specifiers(lines[0], unit.name), ""


def _config(
    line: str | None, environment: t.Mapping[str, str], directory: str
) -> tuple[str | None, SidekiqYml | None, str]:
    """The file that Sidekiq reads, what it says, or why that is not known (lib/sidekiq/cli.rb, setup_options)."""
    try:
        options = evaluate(line or "", environment)
    except BadOption as failure:
        return None, None, str(failure)
    path = config_path(options, directory)
    if path is None:
        return None, SidekiqYml(), ""
    try:
        text = read_regular(path, _LARGEST).decode(errors="replace")
    except OSError as failure:
        return path, None, f"{path} cannot be read: {failure.strerror}."
    config = read_sidekiq_yml(text, environment)
    return path, replace(config, unclear={key: f"{path}, {why}" for key, why in config.unclear.items()}), ""


def config_path(options: Options, directory: str) -> str | None:
    """The file of -C, else the one below the folder of -r or the working directory; None where there is none."""
    if options.config is not None:
        return os.path.join(directory or "/", options.config)
    required = os.path.join(directory or "/", options.require or "")
    folder = required if os.path.isdir(required) else directory or "/"
    paths = (os.path.join(folder, "config", name) for name in _IN_CONFIG)
    return next((path for path in paths if os.path.exists(path)), None)
