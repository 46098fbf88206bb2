# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one release of redis-py makes of a real server: run by test_connection_live with that release on its path.

Arguments: the socket of a server with the password "pw", the path of no socket. Writes JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys

# redis-py 3.5 wants distutils, which newer Pythons have only through setuptools.
with contextlib.suppress(ImportError):
    importlib.import_module("setuptools")

import redis

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.errors import SidekiqError
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.redis.connection import (
    ConnectionSettings,
    connect,
    translate_errors,
)


def outcome(settings: ConnectionSettings, *command: str) -> str:
    try:
        client = connect(settings)
        with translate_errors(settings):
            return repr(client.execute_command(*command))
    except SidekiqError as failure:
        return str(failure)


def main(path: str, absent: str) -> None:
    good = ConnectionSettings(socket=path, password="pw", db=2)
    connect(good).execute_command("CONFIG", "RESETSTAT")
    client = connect(good)
    handshake = sorted(client.info("commandstats"))
    client.set("key", b"\xff")
    pipeline = client.pipeline(transaction=False)
    pipeline.get("key")
    pipeline.get("other")
    print(
        json.dumps(
            {
                "version": redis.__version__,
                "handshake": handshake,
                "bytes": repr(pipeline.execute()),
                "wrong password": outcome(ConnectionSettings(socket=path, password="no")),
                "no password": outcome(ConnectionSettings(socket=path), "GET", "key"),
                "acl user": outcome(ConnectionSettings(socket=path, username="bob", password="bobpw"), "GET", "key"),
                "no permission": outcome(ConnectionSettings(socket=path, username="bob", password="bobpw"), "DBSIZE"),
                "no database": outcome(ConnectionSettings(socket=path, password="pw", db=99)),
                "no socket": outcome(ConnectionSettings(socket=absent)),
                "no listener": outcome(ConnectionSettings(host="127.0.0.1", port=1)),
                "no host": outcome(ConnectionSettings(host="no.such.invalid")),
                "slow": outcome(ConnectionSettings(socket=path, password="pw", command_timeout=0.2), "BLPOP", "x", "0"),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
