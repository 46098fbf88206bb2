# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this file is private to the collection: it may change or go at any time without notice.
"""Asks Mastodon's PostgreSQL through psql, so that nothing but Debian's client is needed on the host.

The password goes into the environment of psql, never onto a command line. As root psql runs as the user that owns Mastodon's
code, as Sidekiq does: with peer authentication (the default of Mastodon's guide) PostgreSQL lets in no other, and that
user's `.pgpass` counts as it does for Mastodon.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import typing as t
from dataclasses import dataclass

from .._sidekiq.errors import SidekiqError
from .settings.database import DatabaseSettings, describe

Row = dict[str, t.Any]
_PATH: t.Final = "/usr/local/bin:/usr/bin:/bin"
_CONNECT_SECONDS: t.Final = 5


class NoDatabase(SidekiqError):
    """PostgreSQL cannot be asked: what it says, and what to do."""


@dataclass(frozen=True)
class Database:
    """A database and how to ask it. `run_as`: name of a user of this machine, or None for the one that we are.

    `timeout`: seconds that one statement may take.
    """

    settings: DatabaseSettings
    run_as: str | None = None
    timeout: float = 15.0

    def read(self, query: str) -> list[Row]:
        """The rows of a query that yields one JSON object a row, in a transaction that cannot write."""
        return self._ask("BEGIN READ ONLY", query)

    def write(self, statement: str) -> list[Row]:
        """The same for a statement that writes and returns JSON objects; all of it or nothing happens."""
        return self._ask("BEGIN", statement)

    def _ask(self, begin: str, statement: str) -> list[Row]:
        # By SET, not by PGOPTIONS, which PgBouncer refuses.
        script = (
            f"{begin};\nSET LOCAL statement_timeout = {int(self.timeout * 1000)};\n"
            f"SET LOCAL lock_timeout = {int(self.timeout * 1000)};\n{statement};\nCOMMIT;\n"
        )
        # The statement comes by standard input, so that the list of processes does not show it either.
        command = ["psql", "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse", "-f", "-"]
        if not shutil.which("psql", path=_PATH):
            raise NoDatabase(
                "There is no psql on the machine where the task runs, so PostgreSQL cannot be asked. Install it"
                " (Debian: postgresql-client)."
            )
        try:
            # run_command of Ansible knows neither another user nor a time-out.
            # pylint: disable-next=ansible-bad-function
            done = subprocess.run(
                command,
                input=script.encode(),
                capture_output=True,
                timeout=self.timeout + _CONNECT_SECONDS + 2,
                check=False,
                cwd="/",
                env=self._environment(),
                **self._user(),
            )
        except subprocess.TimeoutExpired:
            raise self._failed(f"there was no answer within {self.timeout:g} s") from None
        except OSError as problem:
            raise self._failed(f"psql cannot be run: {problem.strerror}") from None
        if done.returncode:
            raise self._failed(_message(done.stderr.decode("utf-8", "replace")))
        try:
            return [json.loads(line) for line in done.stdout.decode("utf-8").split("\n") if line]
        except ValueError:
            raise self._failed("its answer cannot be read") from None

    def _environment(self) -> dict[str, str]:
        said = {
            "PGHOST": self.settings.host,
            "PGPORT": self.settings.port,
            "PGDATABASE": self.settings.name,
            "PGUSER": self.settings.user,
            "PGPASSWORD": self.settings.password,
            "PGSSLMODE": self.settings.sslmode,
            "PGCONNECT_TIMEOUT": str(_CONNECT_SECONDS),
            "PGCLIENTENCODING": "UTF8",
            "PGAPPNAME": "fediverse.mastodon",
            "HOME": pwd.getpwnam(self.run_as).pw_dir if self.run_as else os.path.expanduser("~"),
            "LC_ALL": "C",
            "PATH": _PATH,
        }
        return {name: value for name, value in said.items() if value}

    def _user(self) -> dict[str, t.Any]:
        if not self.run_as:
            return {}
        entry = pwd.getpwnam(self.run_as)
        groups = os.getgrouplist(self.run_as, entry.pw_gid)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}

    def _failed(self, what: str) -> NoDatabase:
        if self.settings.password:
            what = what.replace(self.settings.password, "********")
        advice = next((say for pattern, say in _ADVICE if re.search(pattern, what)), "See whether it runs.")
        who = f", as the user {self.run_as}" if self.run_as else ""
        return NoDatabase(
            f"PostgreSQL, database {describe(self.settings)} (from {self.settings.origin}{who}): {what.rstrip('.')}. {advice}"
        )


def user_of(mastodon_root: str, database_user: str) -> str | None:
    """As whom to ask when we are root: who owns Mastodon's code, else the user of the database's name; None if not root."""
    if os.geteuid() != 0:
        return None
    try:
        uid = os.stat(mastodon_root).st_uid
        if uid != 0:
            return pwd.getpwuid(uid).pw_name
    except (OSError, KeyError):
        pass
    try:
        return pwd.getpwnam(database_user).pw_name
    except KeyError:
        return None


def literal(value: str) -> str:
    """Text as a literal of SQL (with `standard_conforming_strings`, the default since PostgreSQL 9.1)."""
    return "'" + value.replace("'", "''") + "'"


def numbers(values: t.Iterable[int]) -> str:
    """Whole numbers as an array of SQL."""
    return f"ARRAY[{', '.join(str(int(value)) for value in values)}]::bigint[]"


_ADVICE: t.Final = (
    (
        r"Peer authentication failed|role \"[^\"]*\" does not exist|no pg_hba.conf entry",
        "Run the task with become: true, so that psql can run as Mastodon's own user.",
    ),
    (r"password authentication failed|no password supplied", "Check DB_USER and DB_PASS, or set database_url."),
    (r"permission denied", "Mastodon's own role may read these tables: check DB_USER, or set database_url."),
    (
        r"relation \"[^\"]*\" does not exist|database \"[^\"]*\" does not exist",
        "Check DB_NAME: this is not a database of Mastodon.",
    ),
    (r"statement timeout|lock timeout|no answer", "Raise database_timeout, or see what keeps it busy."),
    (r"read-only transaction", "This is a standby: point database_url at the primary."),
)


def _message(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = next(
        (line for line in lines if re.search(r"FATAL|ERROR|error:|failed", line)), lines[0] if lines else "it failed"
    )
    return re.sub(r"^psql:(?:<stdin>:\d+:)?\s*(?:error:\s*)?(?:(?:ERROR|FATAL):\s*)?", "", said)
