# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a digest of each key of Redis, but for what Sidekiq's own heartbeats write, and of what the sets hold that is not due for hours."""

from __future__ import annotations

import hashlib
import json
import re
import time

import redis

# What a process has written of itself, or was told: of one that has ended, it is there for a minute.
OF_A_PROCESS = re.compile(rb"processes|process_cleanup|[^:]+:\d+:[0-9a-f]{12}(:work|-signals)?")
client = redis.Redis()
found = {}
for key in client.scan_iter(count=1000):
    if not OF_A_PROCESS.fullmatch(key):
        raw = client.dump(key) or b""
        found[key.decode()] = [hashlib.sha256(raw).hexdigest(), client.execute_command("PEXPIRETIME", key)]
for name in ("retry", "schedule"):
    later = client.zrange(name, int(time.time()) + 12 * 3600, "+inf", byscore=True, withscores=True)
    found[f"{name}, later"] = hashlib.sha256(repr(later).encode()).hexdigest()
print(json.dumps(found, sort_keys=True))
