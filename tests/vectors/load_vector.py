# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the Redis state of a test vector into a database, and dump a database in the same form (see README.md)."""

from __future__ import annotations

import base64
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent


def _text(raw):
    """Bytes as text when they are valid UTF-8, else {"b64": ...}."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(raw).decode("ascii")}


def _raw(value):
    """The inverse of _text."""
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    return value.encode("utf-8")


def _ttl(client, key):
    """Time to live, rounded up to whole seconds (in ms), or None for a key that never expires."""
    pttl = client.pttl(key)
    if pttl < 0:
        return None
    return -(-pttl // 1000) * 1000


def dump(client):
    """Every key of the database, in a deterministic order."""
    out = {}
    for key in sorted(client.scan_iter(count=1000)):
        kind = client.type(key).decode()
        if kind == "string":
            value = _text(client.get(key))
        elif kind == "list":
            value = [_text(item) for item in client.lrange(key, 0, -1)]
        elif kind == "set":
            value = [_text(item) for item in sorted(client.smembers(key))]
        elif kind == "hash":
            value = {field.decode("utf-8"): _text(item) for field, item in sorted(client.hgetall(key).items())}
        elif kind == "zset":
            rows = client.zrange(key, 0, -1, withscores=True)
            rows = sorted(((float(score), bytes(member)) for member, score in rows))
            value = [[_text(member), score] for score, member in rows]
        elif kind == "none":  # expired meanwhile
            continue
        else:
            raise ValueError(f"cannot dump a key of type {kind}: {key!r}")
        out[key.decode("utf-8")] = {"type": kind, "ttl_ms": _ttl(client, key), "value": value}
    return out


def load(client, state, flush=False):
    """Create every key of a state; the database must be empty, or is emptied with flush=True."""
    if flush:
        client.flushdb()
    elif client.dbsize():
        raise RuntimeError("the database is not empty")
    pipe = client.pipeline(transaction=True)
    for key, entry in state.items():
        name, kind, value = key.encode("utf-8"), entry["type"], entry["value"]
        if kind == "string":
            pipe.set(name, _raw(value))
        elif kind == "list":
            pipe.rpush(name, *[_raw(item) for item in value])
        elif kind == "set":
            pipe.sadd(name, *[_raw(item) for item in value])
        elif kind == "hash":
            pipe.hset(name, mapping={field.encode("utf-8"): _raw(item) for field, item in value.items()})
        elif kind == "zset":
            for member, score in value:
                pipe.zadd(name, {_raw(member): score})
        else:
            raise ValueError(f"cannot load a key of type {kind}: {key}")
        if entry["ttl_ms"] is not None:
            pipe.pexpire(name, entry["ttl_ms"])
    pipe.execute()


def states(vector):
    """The states of a vector that can be loaded: state, or before and after."""
    return {part: vector[part] for part in ("state", "before", "after") if part in vector}
