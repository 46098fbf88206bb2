# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private PostgreSQL with the tables of Mastodon that archives need; it dies with the thread that started it.

PostgreSQL refuses to run as root: then it runs as the user `postgres` of Debian's package.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

PASSWORD = "a b'c\"d\\e$f%g"
"""Of the role mastodon: what a shell, a URL or SQL would trip over."""

_SCHEMA = """
CREATE TABLE accounts (id bigserial PRIMARY KEY, username character varying DEFAULT '' NOT NULL, domain character varying);
CREATE TABLE users (id bigserial PRIMARY KEY, email character varying DEFAULT '' NOT NULL, account_id bigint NOT NULL
  REFERENCES accounts ON DELETE CASCADE);
CREATE TABLE backups (id bigserial PRIMARY KEY, user_id bigint REFERENCES users ON DELETE SET NULL,
  dump_file_name character varying, dump_content_type character varying, dump_updated_at timestamp without time zone,
  processed boolean DEFAULT false NOT NULL, created_at timestamp without time zone NOT NULL,
  updated_at timestamp without time zone NOT NULL, dump_file_size bigint);
CREATE INDEX index_backups_on_user_id ON backups (user_id);
CREATE TABLE media_attachments (id bigserial PRIMARY KEY, account_id bigint, status_id bigint, file_file_size integer);
CREATE INDEX index_media_attachments_on_account_id_and_status_id ON media_attachments (account_id, status_id DESC);
"""


@dataclasses.dataclass(frozen=True)
class Postgres:
    """A running server. `socket` is the directory of its socket, whose peers are let in by their own name."""

    socket: Path
    port: int
    owner: str

    @property
    def url(self) -> str:
        """As Mastodon's own role, by TCP and password."""
        return f"postgresql://mastodon:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/mastodon_production"

    def variables(self, **more: str) -> dict[str, str]:
        """What Mastodon's settings would say, by TCP and password."""
        said = {"DB_HOST": "127.0.0.1", "DB_PORT": str(self.port), "DB_NAME": "mastodon_production"}
        return {**said, "DB_USER": "mastodon", "DB_PASS": PASSWORD, **more}

    def sql(self, text: str, database: str = "mastodon_production") -> list[list[str]]:
        """Run SQL as the owner of the server; the rows of what it selects."""
        done = subprocess.run(
            [_programs() / "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-f", "-", database],
            input=text,
            env={
                "PATH": os.environ["PATH"],
                "PGHOST": str(self.socket),
                "PGPORT": str(self.port),
                "PGUSER": self.owner,
            },
            text=True,
            capture_output=True,
            check=False,
            timeout=120,
            cwd="/",
            **_user(self.owner),
        )
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def add_user(self, name: str, media: Sequence[int] = ()) -> int:
        """A user with a local account of that name and media of these sizes; its id."""
        sizes = ", ".join(map(str, media))
        [[user]] = self.sql(
            f"WITH a AS (INSERT INTO accounts (username) VALUES ('{name}') RETURNING id), m AS (INSERT INTO media_attachments"
            f" (account_id, file_file_size) SELECT a.id, size FROM a, unnest(ARRAY[{sizes}]::int[]) size)"
            f" INSERT INTO users (email, account_id) SELECT '{name}@private.example', a.id FROM a RETURNING id"
        )
        return int(user)

    def add_backup(self, user: int | None, age: float = 3600.0, file: str | None = None, size: int = 1234) -> int:
        """A row that was made so many seconds ago; with a file it is a finished archive."""
        finished = f"'{file}', {size}, true" if file else "NULL, NULL, false"
        made = f"(now() AT TIME ZONE 'UTC') - interval '{age} seconds'"
        [[number]] = self.sql(
            "INSERT INTO backups (user_id, created_at, updated_at, dump_file_name, dump_file_size, processed)"
            f" VALUES ({user or 'NULL'}, {made}, {made}, {finished}) RETURNING id"
        )
        return int(number)

    def finish(self, number: int) -> None:
        """What Mastodon does with a row at the end."""
        self.sql(
            f"UPDATE backups SET processed = true, dump_file_name = 'a.zip', dump_file_size = 9 WHERE id = {number}"
        )

    def rows(self) -> list[dict[str, Any]]:
        """All rows of backups, whole."""
        return [json.loads(row[0]) for row in self.sql("SELECT to_jsonb(b) FROM backups b ORDER BY id")]

    def clear(self) -> None:
        self.sql("TRUNCATE backups, users, accounts, media_attachments RESTART IDENTITY")


@contextlib.contextmanager
def running(peers: Sequence[str] = ()) -> Iterator[Postgres]:
    """A server with Mastodon's database, reached by TCP on 127.0.0.1 and by a socket; `peers` get roles of their names."""
    programs = _programs()
    owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    directory = Path(tempfile.mkdtemp(prefix="postgres-"))
    server: subprocess.Popen[bytes] | None = None
    try:
        os.chmod(directory, 0o755)
        data, log = directory / "data", directory / "log"
        for path in (data, directory / "socket"):
            path.mkdir()
            if os.geteuid() == 0:
                shutil.chown(path, owner)
        os.chmod(data, 0o700)
        common: dict[str, Any] = {"cwd": "/", "stdin": subprocess.DEVNULL, **_user(owner)}
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", owner, "-A", "peer", "--no-sync", "-E", "UTF8"],
            env=env,
            check=True,
            capture_output=True,
            timeout=120,
            **common,
        )
        (data / "pg_hba.conf").write_text("local all all peer\nhost all all 127.0.0.1/32 scram-sha-256\n")
        port = _free_port()
        options = {"listen_addresses": "127.0.0.1", "port": port, "fsync": "off", "max_connections": 20}
        options |= {"unix_socket_directories": directory / "socket"}
        command = [str(programs / "postgres"), "-D", str(data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with log.open("wb") as output:
            server = subprocess.Popen(
                command, env=env, stdout=output, stderr=output, preexec_fn=_die_with_parent(), **common
            )
        found = Postgres(directory / "socket", port, owner)
        _wait(found, server, log)
        quoted = PASSWORD.replace("'", "''")
        found.sql(f"CREATE ROLE mastodon LOGIN PASSWORD '{quoted}'", "postgres")
        found.sql("CREATE DATABASE mastodon_production OWNER mastodon", "postgres")
        found.sql(f"SET ROLE mastodon; {_SCHEMA}")
        for peer in peers:
            found.sql(f"CREATE ROLE {peer} LOGIN IN ROLE mastodon")
        yield found
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # fast shutdown
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(120)
            server.kill()
            server.wait(120)
        shutil.rmtree(directory, ignore_errors=True)


def _programs() -> Path:
    """Where Debian's newest PostgreSQL keeps its own programs, which are not on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    assert there, "needs PostgreSQL; as root: apt-get install postgresql"
    return Path(there).resolve().parent


def _user(name: str) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _die_with_parent() -> Any:
    libc = ctypes.CDLL(None)
    # The change of the user would take the request away again; it comes before this function is called.
    return lambda: libc.prctl(1, signal.SIGINT)


def _wait(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            server.sql("SELECT 1", "postgres")
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
