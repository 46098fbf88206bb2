# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""From the options of a module to Mastodon's database, and to the places where archives are built and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from dataclasses import dataclass

from ansible.module_utils.basic import env_fallback

from ..._mastodon.database import Database, NoDatabase, user_of
from ..._mastodon.installation.systemd.environment import unit_environment
from ..._mastodon.settings.database import DatabaseSettings, database_settings, with_url
from ..._mastodon.settings.variables import Variables, collect
from ..._sidekiq.errors import BadOption, SidekiqError
from ..hints import with_hint

Options = t.Mapping[str, t.Any]
DATABASE_OPTIONS: t.Final = {
    "database_url": {"type": "str", "no_log": True, "fallback": (env_fallback, ["FEDIVERSE_DATABASE_URL"])},
    "database_timeout": {"type": "float", "default": 15.0},
}


@dataclass(frozen=True)
class Found:
    """The database, or None and why it cannot be asked."""

    database: Database | None
    reason: str | None


def find_database(options: Options) -> Found:
    """The database that the options mean, once it has answered. Raises SidekiqError where it is required and does not.

    It is required where the option `database` is not there to say otherwise.
    """
    need = options.get("database", "required")
    if options["database_timeout"] <= 0:
        raise BadOption("database_timeout must be more than 0 seconds.")
    if need == "never":
        return Found(None, "database is never")
    try:
        database = _database(options, mastodon_variables(options))
        database.read("SELECT json_build_object('id', id) FROM backups LIMIT 0")
    except SidekiqError as failure:
        if need == "required" or (options["database_url"] and isinstance(failure, BadOption)):
            raise
        return Found(None, with_hint(failure))
    return Found(database, None)


def mastodon_variables(options: Options) -> Variables:
    """What Mastodon's own files, its unit and the environment of the task say. Raises BadOption."""
    root, unit = options["mastodon_root"], options["systemd_unit"]
    of_unit = unit_environment(unit, _run) if shutil.which("systemctl") else {}
    return collect(root, os.environ, unit, of_unit)


def _database(options: Options, variables: Variables) -> Database:
    if options["database_url"]:
        settings: DatabaseSettings | None = with_url(DatabaseSettings(), options["database_url"], "database_url")
    else:
        settings = database_settings(variables)
        if settings is None and ".env.production" in variables.files:
            settings = DatabaseSettings(origin=os.path.join(options["mastodon_root"], ".env.production"))
    if settings is None:
        raise NoDatabase(
            f"There is no {os.path.join(options['mastodon_root'], '.env.production')} on the machine where the task runs, so"
            " Mastodon's database is not known. Set mastodon_root or database_url."
        )
    return Database(settings, user_of(options["mastodon_root"], settings.user), options["database_timeout"])


def _run(command: list[str]) -> tuple[int, str, str]:
    # pylint: disable-next=ansible-bad-function
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr
