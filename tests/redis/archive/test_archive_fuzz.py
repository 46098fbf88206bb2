# Copyright (c) 2026, The fediverse.mastodon authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in the file: a restore is refused in one sentence and changes nothing, or is correct; in bounded memory and time."""

from __future__ import annotations

import base64
import collections
import gzip
import hashlib
import json
import os
import pathlib
import re
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive import format as archive
from ansible_collections.fediverse.mastodon.plugins.module_utils._sidekiq.archive.format import (
    FORMAT,
    MAX_JOB,
    MAX_LINE,
)
from ansible_collections.fediverse.mastodon.tests.redis import measured, modules

EXAMPLES = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DIGEST = "uniquejobs:0123456789abcdef0123456789abcdef"
NUMBERS: list[Any] = [-1, 0, 1.5, 2**31, 2**53, 2**63, 10**400, 1e308, float("nan"), float("inf"), float("-inf")]
TEXTS: list[Any] = [
    "",
    "x",
    "9",
    "\ud800",
    "queue:push",
    "queue:",
    "queue:\x00",
    "retry",
    "dead",
    "feed:home:1",
    "%%%",
    "eA==",
]
ODD: list[Any] = [*NUMBERS, *TEXTS, None, True, [], {}, [[]], {"digest": DIGEST}]
FIELDS = [
    "place",
    "raw",
    "b64",
    "position",
    "score",
    "to",
    "new",
    "new_b64",
    "new_score",
    "lock",
    "digest",
    "jid",
    "ttl_ms",
]
FIELDS += ["format", "version", "id", "key_prefix", "server", "process", "sealed", "checksum", "taken", "more"]


def payload(number, **fields):
    return json.dumps({"class": "A", "args": [number], "queue": "push", "jid": f"{number:024x}", **fields})


class Edited:
    """A Redis after an edit, which is put there again for each example."""

    def __init__(self, client, socket, directory):
        self.client, self.directory = client, pathlib.Path(directory)
        self.socket = str(socket)
        client.sadd("queues", "push")
        client.lpush("queue:push", *map(payload, range(30)))
        client.lpush("queue:push", payload(30, lock_digest=DIGEST), b"\xff no text")
        client.hset(f"{DIGEST}:LOCKED", f"{30:024x}", "1795331156.4")
        client.zadd("retry", {payload(number): number for number in range(40, 60)})
        client.zadd("retry", {payload(60): float("inf"), payload(61): float("-inf"), payload(62): -5})
        self.before = self.members()
        options = {"redis_socket": self.socket, "archive_dir": str(directory), "all": True}
        modules.run("sidekiq_job", **options, state="absent", sets=["queues"])
        modules.run("sidekiq_job", **options, state="dead", sets=["retry"])
        self.paths = sorted(self.directory.glob("*.gz"))
        self.after = {key: client.dump(key) for key in client.keys("*")}

    def members(self):
        found = collections.Counter(("push", raw) for raw in self.client.lrange("queue:push", 0, -1))
        for name in ("retry", "dead"):
            found.update((name, raw, score) for raw, score in self.client.zrange(name, 0, -1, withscores=True))
        return found

    def reset(self):
        self.client.flushdb()
        for key, value in self.after.items():
            self.client.restore(key, 0, value)

    def contents(self):
        """All but what says of an archive that no step has done anything yet."""
        ours = (b"fediverse.mastodon:restored:", b"fediverse.mastodon:lifted:")
        keys = [key for key in self.client.keys("*") if not key.startswith(ours) or self.client.bitcount(key)]
        return {key: self.client.dump(key) for key in keys}

    def restore(self, path, **options):
        return modules.run("sidekiq_archive", redis_socket=self.socket, path=str(path), **options)

    def check(self, content):
        """The damaged copy of an archive is refused and nothing changes, or it does what the archive does."""
        self.reset()
        damaged = self.directory / "damaged"
        damaged.write_bytes(content)
        expected = self.restore(damaged, check_mode=True)
        result = self.restore(damaged)
        if result.get("failed"):
            assert expected["failed"] and self.contents() == self.after, result
            assert str(damaged) in result["msg"] and result["msg"].endswith(".")
        else:
            assert result["restored"] == expected["restored"]
            assert self.restore(damaged)["restored"] == 0
        for path in self.paths:
            assert "failed" not in self.restore(path)
        assert self.members() == self.before


@pytest.fixture
def edited(redis_process, scratch_redis, tmp_path):
    return Edited(scratch_redis, redis_process.socket, tmp_path)


def lines_of(content):
    """The lines of both members."""
    packer = zlib.decompressobj(31)
    sealed = packer.decompress(content).split(b"\n")[:-1]
    return sealed, zlib.decompress(packer.unused_data, 31).split(b"\n")[:-1]


def packed(*members):
    return b"".join(gzip.compress(b"".join(line + b"\n" for line in lines), 1) for lines in members)


@given(data=st.data())
@EXAMPLES
def test_bytes_that_are_damaged(edited, data):
    content = edited.paths[data.draw(st.integers(0, 1))].read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert", "double", "append", "repeat"]))
    edited.check(
        {
            "flip": content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :],
            "cut": content[:place],
            "insert": content[:place] + b"\x00" * 7 + content[place:],
            "double": content + content,
            "append": content + gzip.compress(b"x\n"),
            "repeat": content[:place] + content[place // 2 :],
        }[kind]
    )


@given(data=st.data())
@EXAMPLES
def test_lines_that_are_changed(edited, data):
    """Packed anew, so that the checksum of gzip is right."""
    sealed, outcome = lines_of(edited.paths[data.draw(st.integers(0, 1))].read_bytes())
    every = sealed + outcome
    index = data.draw(st.integers(0, len(every) - 1))
    kind = data.draw(st.sampled_from(["field", "lock", "drop", "double", "swap", "garble", "nest", "long"]))
    fields = json.loads(every[index])
    if kind == "field":
        fields[data.draw(st.sampled_from(FIELDS))] = data.draw(st.sampled_from(ODD))
    elif kind == "lock":
        fields["lock"] = {name: data.draw(st.sampled_from(ODD)) for name in ("digest", "jid", "ttl_ms")}
    elif kind == "drop":
        fields.pop(data.draw(st.sampled_from(sorted(fields))))
    line = json.dumps(fields).encode()
    if kind == "garble":
        line = data.draw(st.binary(max_size=30))
    elif kind == "nest":
        line = b'{"place":' + b"[" * 100_000
    elif kind == "long":
        line = line[:-1] + b',"more":"' + b"x" * 300_000 + b'"}'
    changed = [*every[:index], line, *every[index + 1 :]]
    if kind == "double":
        changed.insert(index, every[index])
    elif kind == "swap":
        other = data.draw(st.integers(0, len(every) - 1))
        changed[index], changed[other] = changed[other], changed[index]
    cut = len(sealed) + (kind == "double" and index < len(sealed))
    edited.check(packed(changed[:cut], changed[cut:]))


def sealed_anew(lines):
    """Somebody who knows the format: lines with the right seal, without an outcome."""
    text = b"".join(line + b"\n" for line in lines)
    checksum = hashlib.blake2b(text, digest_size=16).hexdigest()
    seal = json.dumps({"sealed": len(lines) - 1, "checksum": checksum}).encode()
    return packed([*lines, seal])


@given(data=st.data())
@EXAMPLES
def test_values_that_redis_or_a_step_could_not_take(edited, data):
    """With a right seal: refused with line and key before anything is changed, or carried out to the end, once."""
    sealed, _outcome = lines_of(edited.paths[data.draw(st.integers(0, 1))].read_bytes())
    index = data.draw(st.integers(1, len(sealed) - 2))
    fields = json.loads(sealed[index])
    name = data.draw(st.sampled_from(["position", "score", "new_score", "place", "to", "lock", "ttl_ms"]))
    value = data.draw(st.sampled_from(ODD))
    if name == "ttl_ms":
        fields["lock"] = {"digest": data.draw(st.sampled_from([DIGEST, "queue:other"])), "jid": "x", "ttl_ms": value}
    else:
        fields[name] = value
    sealed[index] = json.dumps(fields).encode()
    edited.reset()
    damaged = edited.directory / "damaged"
    damaged.write_bytes(sealed_anew(sealed[:-1]))
    result = edited.restore(damaged)
    if result.get("failed"):
        assert edited.contents() == edited.after, result
        assert re.search(rf"{damaged} is damaged at line {index + 1}: \w+ .*\. Nothing was restored\.$", result["msg"])
    else:
        assert result["restored"] + result["moved_on"] == result["total"]
        before = edited.members()
        assert edited.restore(damaged)["restored"] == 0
        assert edited.members() == before


@pytest.mark.parametrize("type_", ["string", "list", "zset"])
@pytest.mark.parametrize("key", [f"{DIGEST}:LOCKED", DIGEST, "uniquejobs:digests"])
def test_a_key_of_a_lock_that_is_of_another_type_leaves_no_step_half_done(edited, key, type_):
    edited.client.delete(key)
    {
        "string": lambda: edited.client.set(key, "x"),
        "list": lambda: edited.client.rpush(key, "x"),
        "zset": lambda: edited.client.zadd(key, {"x": 1}),
    }[type_]()
    before = edited.contents()
    result = edited.restore(edited.paths[0])
    if result.get("failed"):
        assert edited.contents() == before
        edited.client.delete(key)
        result = edited.restore(edited.paths[0])
    assert result["restored"] == 32
    assert edited.client.llen("queue:push") == 32


@pytest.mark.parametrize("kind", ["fifo", "directory", "device", "socket", "missing"])
def test_a_path_that_is_no_file(edited, kind, tmp_path):
    path = tmp_path / "odd"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    else:
        path = pathlib.Path({"device": "/dev/zero", "socket": edited.socket, "missing": path}[kind])
    result = edited.restore(path)
    assert f"The archive {path} cannot be read: " in result["msg"]
    for name, option in (("run_record_info", {"run": "odd", "dir": str(tmp_path)}),):
        if kind in ("fifo", "directory"):
            path.rename(tmp_path / "odd.json")
            assert "cannot be read: It is not a regular file" in modules.run(name, **option)["msg"]


HEADER = json.dumps(
    {
        "format": FORMAT,
        "version": 1,
        "id": "0" * 16,
        "state": "absent",
        "created_at": "",
        "server": "",
        "key_prefix": "",
        "host": "",
    }
)


@pytest.mark.parametrize("kind", ["one line", "empty lines", "zeros", "members"])
def test_a_gzip_bomb(edited, kind, tmp_path):
    """Hundreds of megabytes in some kilobytes: refused, in little memory."""
    path = tmp_path / "bomb"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    start, block = {
        "one line": (HEADER.encode() + b'\n{"place":"retry","raw":"', b"x" * 2**20),
        "empty lines": (HEADER.encode() + b"\n", b"\n" * 2**20),
        "zeros": (b"", b"\x00" * 2**20),
        "members": (HEADER.encode() + b"\n", b'{"place":"queue:' + b"[" * 2**20),
    }[kind]
    with open(path, "wb") as file:
        file.write(packer.compress(start))
        for _number in range(300):
            file.write(packer.compress(block))
        file.write(packer.flush())
    found = measured.run("sidekiq_archive", {"redis_socket": edited.socket, "path": str(path)})
    assert found.result["failed"] and "is damaged at line" in found.result["msg"], found.result
    assert found.peak < 3 * MAX_LINE


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_job_of_40_mb_comes_back(edited, ascii_only, tmp_path):
    body = ("x" if ascii_only else '\N{SNOWMAN}\\"') * (40 * 2**20 // (1 if ascii_only else 7))
    raw = json.dumps({"class": "Big", "args": [body], "queue": "big", "jid": "b"}, ensure_ascii=False).encode()
    edited.client.sadd("queues", "big")
    edited.client.lpush("queue:big", raw)
    options = {"redis_socket": edited.socket, "archive_dir": str(tmp_path / "big"), "classes": ["Big"]}
    taken = measured.run("sidekiq_job", {**options, "state": "moved", "to_queue": "slow"})
    assert taken.result["edited"] == 1, taken.result
    back = measured.run("sidekiq_archive", {"redis_socket": edited.socket, "path": taken.result["archive"]})
    assert back.result["restored"] == 1, back.result
    assert edited.client.lrange("queue:big", 0, -1) == [raw]
    assert back.peak < 1024**3, f"{back.peak / 1024**2:.0f} MB"


def test_a_job_that_no_archive_could_bring_back_is_kept(edited, monkeypatch, tmp_path):
    edited.client.lpush("queue:push", b"x" * (MAX_JOB + 1))
    options = {"redis_socket": edited.socket, "archive_dir": str(tmp_path / "a"), "state": "absent", "queues": ["push"]}
    for check_mode in (True, False):
        result = modules.run("sidekiq_job", check_mode, **options, sets=["queues"], all=True, force=True)
        assert (result["edited"], result["kept"]) == (0, {"too_large": 1})
    assert edited.client.llen("queue:push") == 1


def test_control_characters_take_no_more_room_than_base64():
    raw = b"\x00" * 1000
    line = archive.packed_entry(archive.Entry("retry", raw, 1.0))
    assert len(line) < 1500
    assert base64.b64decode(json.loads(line)["b64"]) == raw
