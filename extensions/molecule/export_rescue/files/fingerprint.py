# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that Redis and PostgreSQL hold and that no heartbeat changes: a digest of each key, and of the rows."""

import hashlib
import json
import re
import subprocess

import redis

_BEATS = (
    "processes|process_cleanup",
    r".+:\d+:[0-9a-f]{12}(:work)?",  # a process, and what it runs
    r"stat:.*|[hj]\|.*|[\w:]+-\d+-\d+:\d+",  # what it counts
    "lab:begun|lab:performed",
)
_BEAT = re.compile("|".join(_BEATS).encode())


def digest(value):
    return hashlib.sha256(value).hexdigest()[:12]


client = redis.Redis()
found = {key.decode(): digest(client.dump(key) or b"") for key in client.scan_iter() if not _BEAT.fullmatch(key)}
command = [
    "sudo",
    "-u",
    "mastodon",
    "psql",
    "-XtAc",
    "SELECT to_jsonb(b) FROM backups b ORDER BY id",
    "mastodon_production",
]
found["rows"] = digest(subprocess.run(command, cwd="/", check=True, capture_output=True).stdout)
print(json.dumps(found, sort_keys=True))
